import Glibc
import WeirConfig
import WeirDelivery
import WeirPipeline
import WeirPluginHost
import WeirStage

/// The words behind a verb of `weir spool` and `weir dlq`.
struct SpoolWords {
  private var directory: String?
  /// The configuration that names the storage root.
  private(set) var configuration: String?
  /// Only this output.
  private(set) var output: String?
  /// Entries or items at most, 0 for all.
  private(set) var limit: Int?
  /// `--items`.
  private(set) var showsItems = false

  /// Reads the words; nil when they are none of these commands'.
  init?(_ words: some Sequence<String>) {
    var rest = Array(words)[...]
    while let word = rest.popFirst() {
      switch word {
      case "-c", "--config":
        guard configuration == nil, let file = rest.popFirst() else { return nil }
        configuration = file
      case "--output":
        guard let name = rest.popFirst() else { return nil }
        output = name
      case "--limit":
        guard let number = rest.popFirst().flatMap({ Int($0) }), number >= 0 else { return nil }
        limit = number
      case "--items": showsItems = true
      default:
        guard directory == nil, !word.hasPrefix("-") else { return nil }
        directory = word
      }
    }
    if directory != nil && configuration != nil { return nil }
  }

  /// Nothing that only `show` knows was given.
  var isPlain: Bool { limit == nil && !showsItems }

  /// The storage root, or the folder of one spool, and the folder of dead letters when a
  /// configuration names one.
  func place() throws(SpoolError) -> (root: String, letters: String?) {
    if let directory {
      // Without the slashes at its end, so that paths in answers look as expected.
      let trimmed = directory.utf8.reversed().drop { $0 == UInt8(ascii: "/") }.reversed()
      return (trimmed.isEmpty ? "/" : String(decoding: Array(trimmed), as: UTF8.self), nil)
    }
    guard let configuration else {
      throw .unusable("name a folder, or a configuration with -c: --help says more")
    }
    var failures: [PluginHostError] = []
    let loader = ConfigLoader(formats: PluginHost.shared.formats(&failures))
    var options = CommandLineOptions()
    options.configFile = configuration
    let loaded = loader.load(options)
    let service = loaded.configuration.service
    let isSure = service.storagePath != nil || !loaded.problems.hasErrors
    if isSure, let root = service.storageRootToInspect { return (root, service.deadLetterFolder) }
    if let error = loaded.problems.all.first(where: { $0.severity == .error }) {
      throw .unusable("\(error)")
    }
    throw .unusable("\(configuration) sets no storage.path: nothing is kept on the disk")
  }
}

/// Bodies of a spool as they were before compression.
enum SpoolBody {
  /// Bytes that a body may have, decompressed.
  static let bytesMax = 1 << 30

  /// The body's bytes, with a line feed at the end.
  static func decompressed(_ payload: SpoolPayload) throws(SpoolError) -> [UInt8] {
    var bytes = payload.encoding == 0 ? payload.body : try inflated(payload.body)
    if let last = bytes.last, last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
    return bytes
  }

  private static func inflated(_ body: [UInt8]) throws(SpoolError) -> [UInt8] {
    let inflater: MemberInflater
    do throws(CodecError) {
      inflater = MemberInflater(
        try CodecRegistry.shared.factory("gzip").open(options: []), bytesMax: bytesMax)
    } catch {
      throw .unusable("\(error)")
    }
    var out: [UInt8] = []
    var taken = 0
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { unsafe room.deallocate() }
    while true {
      var consumed = 0
      var produced = 0
      let status = unsafe body.withUnsafeBytes {
        unsafe inflater.read(
          UnsafeRawBufferPointer(rebasing: $0[taken...]), into: room, consumed: &consumed,
          produced: &produced)
      }
      taken += consumed
      unsafe out += room[..<produced]
      switch status {
      case .noSpace: continue
      case .needsInput where inflater.isComplete, .end: return out
      case .needsInput: throw .unusable("the body ends in the middle of its gzip member")
      case .limit: throw .unusable("the body holds more than \(bytesMax) bytes")
      case .failed(let why): throw .unusable("the body cannot be decompressed: \(why)")
      }
    }
  }
}
