import Synchronization

/// What makes a request impossible: found when it is built, never when it is sent.
public enum HTTPRequestError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Not the name of a header.
  case headerName(String)
  /// A control character, such as a line end, in the value of the header of this name.
  case headerValue(String)
  /// Not a method.
  case method(String)
  /// Not a target: it begins with a slash and is of visible ASCII characters without `#`.
  case target(String)

  /// One sentence.
  public var description: String {
    switch self {
    case .headerName(let name): "\"\(HTTPText.shown(name))\" is no name of a header"
    case .headerValue(let name): "the value of the header \(name) holds a control character"
    case .method(let text): "\"\(HTTPText.shown(text))\" is no method"
    case .target(let text): "\"\(HTTPText.shown(text))\" is no target of a request"
    }
  }
}

/// One header of a request; it cannot smuggle in another.
public struct HTTPHeader: Sendable, Hashable {
  /// The name, a token.
  public let name: String
  /// The value, without control characters; empty sends the name alone.
  public let value: String

  /// Makes a header, or refuses it.
  public init(_ name: String, _ value: String) throws(HTTPRequestError) {
    guard HTTPText.isToken(name) else { throw .headerName(name) }
    guard HTTPText.isValue(value) else { throw .headerValue(name) }
    self.name = name
    self.value = value
  }

  /// Makes a header of texts that stand in the program.
  public init(fixed name: StaticString, _ value: StaticString) {
    self.name = name.description
    self.value = value.description
    precondition(HTTPText.isToken(self.name) && HTTPText.isValue(self.value), "no header")
  }
}

/// The bytes of a request: contiguous, never changed, alive until the request has ended.
public final class HTTPBody: @unchecked Sendable {
  // SAFETY: unchecked because of the pointer; nothing writes what it points to.

  /// The bytes.
  public let bytes: UnsafeRawBufferPointer
  private let owner: AnyObject?
  private let isOwned: Bool

  /// Copies bytes.
  public init(copying source: UnsafeRawBufferPointer) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 16)
    copy.copyMemory(from: source)
    bytes = UnsafeRawBufferPointer(copy)
    owner = nil
    isOwned = true
  }

  /// Copies text, for small requests.
  public init(_ text: String) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 16)
    copy.copyBytes(from: text.utf8)
    bytes = UnsafeRawBufferPointer(copy)
    owner = nil
    isOwned = true
  }

  /// Borrows bytes that live at least as long as `owner`, which is kept.
  public init(borrowing bytes: UnsafeRawBufferPointer, keeping owner: AnyObject) {
    self.bytes = bytes
    self.owner = owner
    isOwned = false
  }

  /// No bytes.
  public static let none = HTTPBody(copying: UnsafeRawBufferPointer(start: nil, count: 0))

  /// Bytes of the body.
  public var count: Int { bytes.count }

  deinit {
    if isOwned { bytes.deallocate() }
  }
}

/// Who has sent a request, for whoever wants to cancel its own.
public struct HTTPOwner: Sendable, Hashable {
  private static let next = Atomic<UInt64>(0)
  private let number: UInt64

  /// A new one, unlike all others of this process.
  public init() {
    number = HTTPOwner.next.wrappingAdd(1, ordering: .relaxed).newValue
  }
}

/// One request, complete.
public struct HTTPRequest: Sendable {
  /// Where it goes.
  public var endpoint: HTTPEndpoint
  /// `POST`.
  public let method: String
  /// Path and query, percent-encoded: `/_bulk?filter_path=errors`.
  public let target: String
  /// Headers in the order of sending; Host and Content-Length are added.
  public var headers: [HTTPHeader]
  /// The body.
  public var body: HTTPBody
  /// Seconds for all of it, from the start of sending to the end of the reply; 0 for no limit.
  public var timeoutSeconds: Double
  /// By whom `HTTPTransport.cancel` finds it; nil for none.
  public var owner: HTTPOwner?

  /// Makes a request, or refuses its method or target.
  public init(
    endpoint: HTTPEndpoint, method: String = "POST", target: String, headers: [HTTPHeader] = [],
    body: HTTPBody = .none, timeoutSeconds: Double = 0, owner: HTTPOwner? = nil
  ) throws(HTTPRequestError) {
    guard HTTPText.isToken(method) else { throw .method(method) }
    guard HTTPText.isTarget(target) else { throw .target(target) }
    self.endpoint = endpoint
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.timeoutSeconds = timeoutSeconds
    self.owner = owner
  }
}

/// What may stand where in a request.
enum HTTPText {
  static func isToken(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "a")...UInt8(ascii: "z"):
          true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }

  static func isValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
  }

  static func isTarget(_ text: String) -> Bool {
    text.utf8.first == UInt8(ascii: "/")
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
  }

  /// A text as a message may show it: control characters as `?`, not more than 80 characters.
  static func shown(_ text: String) -> String {
    String(text.unicodeScalars.prefix(80).map { $0.value < 0x20 ? "?" : Character($0) })
  }
}
