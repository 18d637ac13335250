import CWeirKernels
import Glibc
import WeirConfig

/// A text encoding that a file may be in, converted to UTF-8 line by line as it is read.
///
/// The encodings are those whose line ends can be found in the raw bytes: in all of them but UTF-16
/// the byte 0A is a line feed and nothing else.
final class TextEncoding: @unchecked Sendable {
  enum Kind: Equatable {
    case utf16LittleEndian, utf16BigEndian
    /// By the byte order mark; without one the text is UTF-8.
    case automatic
    /// An iconv name.
    case named(String)
  }

  let kind: Kind
  // SAFETY: used by one input lane only; opened once, closed in deinit.
  private var converters: [String: iconv_t] = [:]

  /// Reads `unicode.encoding` and `generic.encoding`; nil when neither is set.
  init?(_ config: InstanceConfig) throws(ConfigProblem) {
    let unicode = config.text("unicode.encoding")
    let generic = config.text("generic.encoding")
    if unicode != nil && generic != nil {
      throw config.problem(
        "unicode.encoding and generic.encoding exclude each other", key: "generic.encoding")
    }
    if let unicode {
      switch unicode.lowercased() {
      case "utf-16le", "utf16le", "utf-16-le": kind = .utf16LittleEndian
      case "utf-16be", "utf16be", "utf-16-be": kind = .utf16BigEndian
      case "auto": kind = .automatic
      default:
        throw config.problem(
          "\"\(unicode)\" is not known", key: "unicode.encoding",
          suggestion: "use UTF-16LE, UTF-16BE or auto")
      }
      return
    }
    guard let generic else { return nil }
    guard let name = Self.iconvNames[generic.lowercased()] else {
      throw config.problem(
        "\"\(generic)\" is not known", key: "generic.encoding",
        suggestion: "use one of \(Self.iconvNames.keys.sorted().joined(separator: ", "))")
    }
    kind = .named(name)
    if converter(name) == nil {
      throw config.problem("this system cannot convert from \(name)", key: "generic.encoding")
    }
  }

  deinit { for converter in converters.values { iconv_close(converter) } }

  /// Names as users write them, and as iconv calls them.
  private static let iconvNames: [String: String] = {
    var names = [
      "shiftjis": "CP932", "sjis": "CP932", "cp932": "CP932", "windows-31j": "CP932",
      "uhc": "CP949", "cp949": "CP949", "windows-949": "CP949",
      "gbk": "GBK", "cp936": "CP936", "gb18030": "GB18030", "big5": "BIG5", "cp950": "CP950",
      "win866": "CP866", "cp866": "CP866", "win874": "CP874", "cp874": "CP874",
    ]
    for page in 1250...1258 {
      for form in ["win\(page)", "windows-\(page)", "cp\(page)"] { names[form] = "CP\(page)" }
    }
    return names
  }()

  private func converter(_ name: String) -> iconv_t? {
    if let known = converters[name] { return known }
    let opened = iconv_open("UTF-8", name)
    guard let opened, Int(bitPattern: opened) != -1 else { return nil }
    converters[name] = opened
    return opened
  }

  // MARK: Lines

  /// The kind that holds for a file, by its first bytes.
  func effective(_ mark: [UInt8]) -> Kind? {
    guard kind == .automatic else { return kind }
    if mark.starts(with: [0xff, 0xfe]) { return .utf16LittleEndian }
    if mark.starts(with: [0xfe, 0xff]) { return .utf16BigEndian }
    return nil
  }

  /// Length of the whole lines at the start of the bytes; 0 when none ends there.
  func wholeLines(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ kind: Kind?) -> Int {
    guard kind == .utf16LittleEndian || kind == .utf16BigEndian else {
      return weir_last_newline(bytes, count) + 1
    }
    let low = kind == .utf16LittleEndian ? 0 : 1
    var at = (count & ~1) - 2
    while at >= 0 {
      if bytes[at + low] == 0x0a && bytes[at + 1 - low] == 0 { return at + 2 }
      at -= 2
    }
    return 0
  }

  /// What iconv returns for an error: (size_t)-1.
  private static let failure = -1

  /// Bytes of UTF-8 that so many raw bytes become at most.
  static func room(_ count: Int) -> Int { count * 3 + 16 }

  /// Converts to UTF-8; what cannot be read becomes U+FFFD.
  /// - Returns: the bytes written, and how often something could not be read.
  func convert(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ kind: Kind?,
    into room: UnsafeMutableRawBufferPointer
  ) -> (length: Int, errors: Int) {
    let name: String
    switch kind {
    case .utf16LittleEndian: name = "UTF-16LE"
    case .utf16BigEndian: name = "UTF-16BE"
    case .named(let text): name = text
    case .automatic, nil:
      guard let base = room.baseAddress else { return (0, 0) }
      memcpy(base, bytes, min(count, room.count))
      return (min(count, room.count), 0)
    }
    guard let converter = converter(name), let base = room.baseAddress else { return (0, 1) }
    let unit = name.hasPrefix("UTF-16") ? 2 : 1
    iconv(converter, nil, nil, nil, nil)
    var errors = 0
    var input = UnsafeMutablePointer<CChar>(OpaquePointer(bytes)) as UnsafeMutablePointer<CChar>?
    var inputLeft = count
    var output = base.assumingMemoryBound(to: CChar.self) as UnsafeMutablePointer<CChar>?
    var outputLeft = room.count
    while inputLeft > 0 {
      if iconv(converter, &input, &inputLeft, &output, &outputLeft) != Self.failure {
        break
      }
      guard errno == EILSEQ || errno == EINVAL, outputLeft >= 3 else { break }
      errors += 1
      let skipped = min(unit, inputLeft)
      input = input.map { $0 + skipped }
      inputLeft -= skipped
      for byte: UInt8 in [0xef, 0xbf, 0xbd] {
        output?.pointee = CChar(bitPattern: byte)
        output = output.map { $0 + 1 }
      }
      outputLeft -= 3
    }
    return (room.count - outputLeft, errors)
  }
}
