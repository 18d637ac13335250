public import WeirDelivery
public import WeirStage

/// What carrying an output needs beside the output itself: servers, policy, storage.
public struct CarriedSetup: Sendable {
  /// How it is tried, paused and bounded.
  var policy: DeliveryPolicy
  /// The servers of a target, once the output has said what it is.
  var servers: @Sendable (CarriedTarget) throws -> [CarriedServer]
  /// Where a body waits for a server that is away; nil: in memory, and streams wait.
  var spool: SpoolSettings?
  /// Where items go that never will be stored; nil: they are dropped, counted and logged.
  var deadLetters: SpoolSettings?
  /// False when the configuration wants no dead letters (`storage.keep.rejected off`).
  var keepsRejected = true
  /// Sends requests.
  var transport: @Sendable () -> any HTTPTransport
}

/// One server with what each request to it has.
public struct CarriedServer: Sendable {
  /// For messages: `http://es:9200`.
  public var name: String
  public var endpoint: HTTPEndpoint
  public var method: String
  public var path: String
  public var headers: [HTTPHeader]

  /// Seconds without a byte after which a request counts as failed where `net.io_timeout` is not
  /// set: a server that hangs would otherwise hold its payloads for ever.
  public static let ioTimeoutSeconds = 90.0
  /// Seconds for a whole request, at least; see `requestSeconds`.
  static let requestSecondsMin = 300.0

  public init(
    endpoint: HTTPEndpoint, method: String, path: String, headers: [CarriedHeader]
  ) throws(HTTPRequestError) {
    name = endpoint.description
    self.endpoint = endpoint
    self.method = method
    self.path = path
    var made: [HTTPHeader] = []
    for header in headers { made.append(try HTTPHeader(header.name, header.value)) }
    self.headers = made
    // What is wrong with method or path is found here, not when the first request is due.
    _ = try request(.none, of: nil)
  }

  /// Seconds from the connecting to the end of the reply: a server that sends a byte now and then
  /// would otherwise hold a request for ever. Without a limit for silence there is none for this.
  var requestSeconds: Double {
    let limit = endpoint.connect.ioTimeoutSeconds
    guard limit > 0 else { return 0 }
    return endpoint.connect.connectTimeoutSeconds
      + max(CarriedServer.requestSecondsMin, 10 * limit)
  }

  /// A request with a body.
  func request(_ body: HTTPBody, of owner: HTTPOwner?) throws(HTTPRequestError) -> HTTPRequest {
    try HTTPRequest(
      endpoint: endpoint, method: method, target: path, headers: headers, body: body,
      timeoutSeconds: requestSeconds, owner: owner)
  }
}
