import CWeirPlugin
import WeirStage

/// What a `weir_body *` points at: the end of a payload while a plugin writes requests to it.
///
/// Plain memory without references to count, because it is touched once per record. Belongs to one
/// lane; `batch` is set only inside a call of `encode`.
struct RequestBody {
  /// Bytes that the body of one batch may have; beyond it the rest is dropped, counted.
  static let bytesMax = 512 << 20

  /// Where the next byte goes, and where the payload's room ends.
  var out: UnsafeMutablePointer<UInt8>
  var limit: UnsafeMutablePointer<UInt8>
  /// What the call appends begins here: item ends count from it.
  var first: UnsafeMutablePointer<UInt8>
  /// The batch of the call; nil outside of one.
  var batch: UnsafePointer<weir_batch>?
  /// What the last `body_reserve` allowed; -1 for none.
  var reserved = -1
  // SAFETY: the lane holds the payload as long as `batch` is set.
  unowned(unsafe) var payload: Payload

  init(_ payload: Payload) {
    self.payload = payload
    out = payload.base + payload.length
    first = out
    limit = payload.base + payload.capacity
  }

  /// Bytes that the call has appended.
  var appended: Int { out - first }

  /// Before a call.
  mutating func open(_ payload: Payload, _ batch: UnsafePointer<weir_batch>) {
    self.payload = payload
    out = payload.base + payload.length
    limit = payload.base + payload.capacity
    first = out
    reserved = -1
    self.batch = batch
  }

  /// After it.
  mutating func close() {
    payload.length = out - payload.base
    batch = nil
  }

  /// Makes room for so many bytes; false beyond the bound.
  @inline(__always)
  mutating func makeRoom(_ count: Int) -> Bool {
    if limit - out >= count { return true }
    return grow(count)
  }

  @inline(never)
  private mutating func grow(_ count: Int) -> Bool {
    let length = out - payload.base
    guard count <= Self.bytesMax - length else { return false }
    let before = first - payload.base
    payload.length = length
    out = payload.reserve(count)
    first = payload.base + before
    limit = payload.base + payload.capacity
    return true
  }

  /// The body behind what a plugin handed back; nil outside of a call.
  @inline(__always)
  static func of(_ pointer: OpaquePointer?) -> UnsafeMutablePointer<RequestBody>? {
    guard let pointer else { return nil }
    // SAFETY: made by a lane; the contract says that a plugin hands back nothing else.
    let body = UnsafeMutablePointer<RequestBody>(pointer)
    return body.pointee.batch == nil ? nil : body
  }
}

extension HostTable {
  /// Writing to the body of a request.
  static func addBody(_ host: inout weir_host) {
    host.body_reserve = { pointer, bytes, place in
      guard let place else { return WEIR_E_ARGUMENT }
      guard let body = RequestBody.of(pointer) else { return WEIR_E_STATE }
      guard bytes <= UInt64(RequestBody.bytesMax), body.pointee.makeRoom(Int(bytes)) else {
        return WEIR_NO_SPACE
      }
      body.pointee.reserved = Int(bytes)
      place.pointee = body.pointee.out
      return WEIR_OK
    }
    host.body_commit = { pointer, bytes in
      guard let body = RequestBody.of(pointer), body.pointee.reserved >= 0,
        bytes <= UInt64(body.pointee.reserved)
      else { return WEIR_E_STATE }
      body.pointee.out += Int(bytes)
      body.pointee.reserved = -1
      return WEIR_OK
    }
  }
}
