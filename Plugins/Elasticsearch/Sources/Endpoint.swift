import CWeirPlugin
import WeirSDK

/// Where requests go and how they are authorised.
struct Endpoint {
  private var host: String
  private var port: Int
  private var tls = UInt32(WEIR_TLS_AS_CONFIGURED)
  private var path: String
  private var pipeline: String
  private var user: String
  private var password: String
  private var apiKey: String
  private var cloudUser = ""
  private var cloudPassword = ""

  init(_ options: Options) throws(PluginError) {
    host = options["host"].text
    port = options["port"].integer
    path = options["path"].text
    pipeline = options["pipeline"].text
    user = options["http_user"].text
    password = options["http_passwd"].text
    apiKey = options["http_api_key"].text
    try useCloud(options)
  }

  private mutating func useCloud(_ options: Options) throws(PluginError) {
    let id = options["cloud_id"].text
    if !id.isEmpty {
      guard let cloud = CloudID(id) else {
        throw .option("cloud_id", "it is not of the form NAME:BASE64 that Elastic Cloud shows")
      }
      host = cloud.host
      port = cloud.port
      tls = UInt32(WEIR_TLS_ON)
    }
    let auth = options["cloud_auth"].text
    guard !auth.isEmpty else { return }
    guard let colon = auth.firstIndex(of: ":"), colon > auth.startIndex else {
      throw .option("cloud_auth", "it is not of the form USER:PASSWORD")
    }
    cloudUser = String(auth[..<colon])
    cloudPassword = String(auth[auth.index(after: colon)...])
  }

  /// The endpoint of one server of an `upstream` file.
  func replaced(by server: Options) throws(PluginError) -> Endpoint {
    var made = self
    for (key, value) in server.entries {
      switch key.lowercased() {
      case "path": made.path = value.text
      case "pipeline": made.pipeline = value.text
      case "http_user": made.user = value.text
      case "http_passwd": made.password = value.text
      case "http_api_key": made.apiKey = value.text
      default:
        throw .option(
          key,
          "a node has only connection options, path, pipeline, http_user, http_passwd and "
            + "http_api_key: bodies are made before a server is chosen, so set it in the output")
      }
    }
    return made
  }

  /// What the host is told.
  func target(_ settings: Settings) throws(PluginError) -> HTTPTarget {
    var target = HTTPTarget(path: requestPath)
    target.host = host
    target.port = port
    target.tls = tls
    target.isCompressed = settings.isCompressed
    if case .accessor = settings.id { target.isOrdered = settings.operation != .create }
    target.add("Content-Type", "application/x-ndjson")
    target.add("User-Agent", "Weir")
    if settings.isCompressed { target.add("Content-Encoding", "gzip") }
    if let value = try authorization() { target.add("Authorization", value, isSecret: true) }
    return target
  }

  private func authorization() throws(PluginError) -> String? {
    if !user.isEmpty {
      if user.utf8.contains(UInt8(ascii: ":")) {
        throw .option("http_user", "a user name may not hold a colon")
      }
      return "Basic " + Base64.encode("\(user):\(password)")
    }
    if !cloudUser.isEmpty { return "Basic " + Base64.encode("\(cloudUser):\(cloudPassword)") }
    if apiKey.isEmpty { return nil }
    guard apiKey.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw .option("http_api_key", "it holds blanks or other characters that no key has")
    }
    return "ApiKey " + apiKey
  }

  /// `<path>/_bulk`, with the pipeline as its query.
  private var requestPath: String {
    var text = path
    while text.hasSuffix("/") { text.removeLast() }
    if !text.isEmpty && !text.hasPrefix("/") { text = "/" + text }
    text = Endpoint.escaped(text, alsoEscaping: "?#") + "/_bulk"
    if !pipeline.isEmpty {
      text += "?pipeline=" + Endpoint.escaped(pipeline, alsoEscaping: "&#+=?")
    }
    return text
  }

  /// Percent signs for bytes that a request line cannot have; what is escaped already stays.
  private static func escaped(_ text: String, alsoEscaping more: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if byte > 0x20 && byte < 0x7f && !more.utf8.contains(byte)
        && !"\"<>\\^`{|}".utf8.contains(byte)
      {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "%"))
        for nibble in [byte >> 4, byte & 15] {
          bytes.append(nibble < 10 ? 0x30 + nibble : 0x37 + nibble)
        }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
