/// Where and how an output's requests go.
public struct CarriedTarget: Sendable {
  /// How bodies are encoded.
  public enum Encoding: Sendable, Equatable {
    /// As they are.
    case identity
    /// One gzip member per body.
    case gzip
  }

  /// `POST` or `PUT`.
  public var method = "POST"
  /// The request's path with its query: begins with `/`.
  public var path = "/"
  /// Headers in order: content type, content encoding, authorization, user agent.
  public var headers: [CarriedHeader] = []
  /// The server that the output has found out itself (a cloud id), instead of option `host`.
  public var host: String?
  /// The port that goes with it, instead of option `port`.
  public var port: Int?
  /// Whether TLS is used, instead of option `tls`; nil leaves it to the option.
  public var usesTLS: Bool?
  /// How bodies are encoded; the payloads of the lanes are so already.
  public var encoding = Encoding.identity
  /// True where a later item may replace what an earlier one stored (explicit ids that are indexed,
  /// updated or upserted): two requests must never be under way at once, and a retried item goes
  /// out before anything that came after it.
  public var isOrdered = false
  /// The servers of an `upstream` file, in its order; empty where one server is configured.
  public var nodes: [CarriedNode] = []

  /// A target with the defaults: fill in what differs.
  public init() {}
}

/// One header of a request.
public struct CarriedHeader: Sendable, Equatable {
  /// Its name as it is sent.
  public var name: String
  /// Its value; holds no line break.
  public var value: String
  /// True where the value must never be shown: passwords, keys.
  public var isSecret: Bool

  /// Makes one.
  public init(_ name: String, _ value: String, isSecret: Bool = false) {
    self.name = name
    self.value = value
    self.isSecret = isSecret
  }
}

/// One server of an `upstream` file.
public struct CarriedNode: Sendable {
  /// What the file calls it.
  public var name: String
  /// Where it listens.
  public var host: String
  /// The port there.
  public var port: Int
  /// Connection options (`tls`, `tls.*`, `net.*`) that the file sets for this server; they stand
  /// before those of the output. Keys in lower case, values as written.
  public var options: [(key: String, value: String)]
  /// The path of requests to this server.
  public var path: String
  /// The headers of requests to this server.
  public var headers: [CarriedHeader]

  /// Makes one.
  public init(
    name: String, host: String, port: Int, options: [(key: String, value: String)], path: String,
    headers: [CarriedHeader]
  ) {
    self.name = name
    self.host = host
    self.port = port
    self.options = options
    self.path = path
    self.headers = headers
  }
}
