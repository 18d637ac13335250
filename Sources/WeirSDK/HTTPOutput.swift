public import CWeirPlugin

/// An output in Swift that the host carries over HTTP. Its lanes override `PluginLane.encode`.
public protocol HTTPOutputInstance: PluginInstance {
  /// Where requests go: once for the output (`server` nil), and once for each server of the file
  /// that an option `upstream` names. Called after `prepare`.
  func describe(server: Options?) throws(PluginError) -> HTTPTarget
  /// Opens the reading of one request's reply. Any thread; several replies may be open at once.
  func openReply(
    status: Int, contentType: String, itemCount: Int, outcomes: Outcomes
  ) throws(PluginError) -> HTTPReply
}

/// Where and how requests go; see `weir_http_target`.
public struct HTTPTarget: Sendable {
  /// One header; the value of a secret one is never shown.
  public struct Header: Sendable {
    let name: String
    let value: String
    let isSecret: Bool
  }
  /// The path with its query.
  public var path: String
  /// The headers in order.
  public private(set) var headers: [Header] = []
  /// The server, instead of the options `host` and `port`.
  public var host = ""
  /// The port; 0 for the option's.
  public var port = 0
  /// `WEIR_TLS_...`.
  public var tls = UInt32(WEIR_TLS_AS_CONFIGURED)
  /// True for one gzip member per body.
  public var isCompressed = false
  /// True where requests must never overtake each other.
  public var isOrdered = false

  /// A target with this path.
  public init(path: String) { self.path = path }

  /// Adds a header.
  public mutating func add(_ name: String, _ value: String, isSecret: Bool = false) {
    headers.append(Header(name: name, value: value, isSecret: isSecret))
  }
}

/// The reading of one reply; subclass and override. Calls never overlap.
open class HTTPReply {
  /// What a reply means for its request.
  public enum Verdict: Sendable {
    /// Decided item by item; what was not mentioned comes again.
    case items(String)
    /// All of it again.
    case retry(String)
    /// In two halves.
    case split(String)
    /// Refused for all that follows too.
    case denied(String)
    /// No item ever will be stored.
    case dead(String)
  }

  /// Makes one.
  public init() {}

  /// Takes the next bytes, in any pieces.
  /// - Returns: false when no more is needed.
  open func receive(_ bytes: UnsafeRawBufferPointer) -> Bool { true }

  /// Ends the reading.
  open func finish(isComplete: Bool) -> Verdict { .retry("") }
}

/// The outcomes of one request's items. Valid until the reply is finished.
public struct Outcomes {
  private let raw: OpaquePointer?
  private let table: UnsafePointer<weir_outcomes_host>?

  init(host: Host, raw: OpaquePointer?) {
    self.raw = raw
    table = host.extensionTable("outcomes/1")
  }

  /// An item that is stored, now or by an earlier try.
  public func done(_ item: Int, isDuplicate: Bool = false) {
    let outcome = isDuplicate ? UInt32(WEIR_ITEM_DUPLICATE) : UInt32(WEIR_ITEM_DONE)
    _ = table?.pointee.set(raw, UInt32(item), outcome, nil)
  }

  /// An item that is not stored: `outcome` is `WEIR_ITEM_RETRY` or `WEIR_ITEM_DEAD`.
  public func failed(
    _ item: Int, _ outcome: UInt32, status: Int, type: UnsafeRawBufferPointer,
    reason: UnsafeRawBufferPointer, place: UnsafeRawBufferPointer
  ) {
    var detail = weir_item_detail()
    detail.struct_size = UInt32(MemoryLayout<weir_item_detail>.size)
    detail.status = UInt32(clamping: status)
    detail.type = weir_string(type)
    detail.reason = weir_string(reason)
    detail.place = weir_string(place)
    _ = table?.pointee.set(raw, UInt32(item), outcome, &detail)
  }
}

extension weir_string {
  /// A string of these bytes, which outlive it.
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.init(
      data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), length: UInt64(bytes.count))
  }

  /// The bytes.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : Int(length))
  }
}
