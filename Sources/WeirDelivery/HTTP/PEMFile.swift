import CWeirSystem
import Glibc

/// What a PEM file holds, as far as a configuration can be told before a connection needs it.
struct PEMFile {
  /// Bytes that are looked through; what lies behind them is not judged.
  static let bytesMax = 16 << 20

  private let text: [UInt8]
  /// False when the file is longer than what was looked through.
  private let isWhole: Bool

  /// Reads a file; the text says why it cannot be.
  init(_ path: String) throws(Unreadable) {
    let descriptor = weir_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
    guard descriptor >= 0 else { throw Unreadable(errno) }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw Unreadable(errno) }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      throw Unreadable(facts.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is no file")
    }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    var count = 1
    while text.count < Self.bytesMax {
      count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw Unreadable(errno) }
      if count == 0 { break }
      text += chunk[..<count]
    }
    self.text = text
    isWhole = count == 0
  }

  /// Why a file cannot be read.
  struct Unreadable: Error {
    let text: String
    init(_ text: String) { self.text = text }
    init(_ code: Int32) { text = String(cString: strerror(code)) }
  }

  var isEmpty: Bool { text.isEmpty }
  /// Whether it may hold a certificate, `TRUSTED` ones included.
  var hasCertificate: Bool { !isWhole || has("-----BEGIN ") && has("CERTIFICATE-----") }
  /// Whether it may hold a private key.
  var hasKey: Bool { !isWhole || has("-----BEGIN ") && has("PRIVATE KEY-----") }
  /// Whether its key is encrypted, in the new form or the old one.
  var isKeyEncrypted: Bool {
    has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || has("Proc-Type: 4,ENCRYPTED")
  }

  private func has(_ words: String) -> Bool {
    let words = Array(words.utf8)
    guard text.count >= words.count else { return false }
    return text.indices.dropLast(words.count - 1).contains { at in
      text[at] == words[0] && text[at..<at + words.count].elementsEqual(words)
    }
  }
}
