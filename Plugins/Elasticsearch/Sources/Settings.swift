import CWeirPlugin
import WeirSDK

/// Which server is spoken to.
enum Dialect { case elasticsearch, openSearch }

/// What is done with a document.
enum WriteOperation: String {
  case create, index, update, upsert

  /// What the action line says.
  var action: String { self == .upsert ? "update" : rawValue }
  /// Whether a document has to have an id.
  var needsID: Bool { self == .update || self == .upsert }
}

/// How the index of a record is found.
enum IndexRule {
  /// One name.
  case constant(String)
  /// A name made by strftime of the time of writing.
  case dated(String)
  /// OpenSearch: text with accessors.
  case accessor(String)
  /// Prefix, separator and date of the record's time.
  case logstash(prefix: String, separator: String, dateFormat: String, prefixKey: String?)
}

/// Where the id of a document comes from.
enum IDRule {
  case none
  /// Of where the record was read.
  case generated
  /// The value of an accessor.
  case accessor(String)
}

/// The options of one output, read and checked.
struct Settings {
  /// The index where options leave it empty.
  static let defaultIndex = "fluent-bit"

  let index: IndexRule
  let typeName: String?
  let operation: WriteOperation
  let id: IDRule
  let timeKey: String
  let timeFormat: String
  let hasNanoseconds: Bool
  let tagKey: String?
  let replacesDots: Bool
  let usesCurrentTime: Bool
  let isCompressed: Bool
  let errorTextBytesMax: Int
  let tracesOutput: Bool
  let tracesErrors: Bool

  init(_ options: Options, _ dialect: Dialect) throws(PluginError) {
    try Settings.refuseSigning(options)
    index = try Settings.index(options, dialect)
    typeName = options["suppress_type_name"].bool ? nil : options["type"].text
    operation = WriteOperation(rawValue: options["write_operation"].text) ?? .create
    let idKey = options["id_key"].text
    if !idKey.isEmpty {
      id = .accessor(Settings.accessor(idKey))
    } else {
      id = options["generate_id"].bool ? .generated : .none
    }
    if operation.needsID, case .none = id {
      throw .option(
        "write_operation",
        "\(operation.rawValue) changes documents by their id: set id_key or generate_id")
    }
    timeKey = options["time_key"].text
    timeFormat = options["time_key_format"].text
    hasNanoseconds = options["time_key_nanos"].bool
    tagKey = options["include_tag_key"].bool ? options["tag_key"].text : nil
    replacesDots = options["replace_dots"].bool
    usesCurrentTime = options["current_time_index"].bool
    isCompressed = !options["compress"].text.isEmpty
    errorTextBytesMax = try Settings.bufferSize(options["buffer_size"].text)
    tracesOutput = options["trace_output"].bool
    tracesErrors = options["trace_error"].bool
  }

  private static func index(
    _ options: Options, _ dialect: Dialect
  ) throws(PluginError) -> IndexRule {
    if options["logstash_format"].bool {
      let key = options["logstash_prefix_key"].text
      return .logstash(
        prefix: options["logstash_prefix"].text,
        separator: options["logstash_prefix_separator"].text,
        dateFormat: options["logstash_dateformat"].text,
        prefixKey: key.isEmpty ? nil : accessor(key))
    }
    let name = options["index"].text
    if name.isEmpty { throw .option("index", "it is empty: name an index, or leave it out") }
    if dialect == .openSearch, name.utf8.contains(UInt8(ascii: "$")) { return .accessor(name) }
    return name.utf8.contains(UInt8(ascii: "%")) ? .dated(name) : .constant(name)
  }

  /// Options that take an accessor take a plain key too.
  private static func accessor(_ text: String) -> String {
    text.utf8.first == UInt8(ascii: "$") ? text : "$" + text
  }

  private static func refuseSigning(_ options: Options) throws(PluginError) {
    if options["aws_auth"].bool {
      throw .option(
        "aws_auth", "requests are not signed for AWS in this version: use a user or a proxy")
    }
  }

  /// Bytes with decimal units, or `false` for no limit of its own.
  private static func bufferSize(_ text: String) throws(PluginError) -> Int {
    let word = text.lowercased()
    if ["false", "off", "no"].contains(word) { return Int.max }
    let digits = word.prefix { ("0"..."9").contains($0) }
    let unit =
      switch word.dropFirst(digits.count) {
      case "", "b": 1
      case "k", "kb": 1000
      case "m", "mb": 1_000_000
      case "g", "gb": 1_000_000_000
      default: 0
      }
    guard let number = Int(digits), unit > 0, number < 1 << 32 else {
      throw .option("buffer_size", "\"\(text)\" is no size such as 512k, nor false")
    }
    return number == 0 ? Int.max : number * unit
  }
}
