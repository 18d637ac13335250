import Glibc
import WeirStage

/// Takes items out of an encoded body: it is inflated as a stream, so that a retry costs a buffer,
/// not a second copy of everything. Owned by one output's queue.
final class BodyCutter {
  /// Why a body could not be cut; the text says how.
  struct Failure: Error { let message: String }

  private static let bufferBytes = 64 << 10
  private let isCompressed: Bool
  private let inflating: (any Codec)?
  private let deflating: (any Codec)?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: BodyCutter.bufferBytes, alignment: 64)

  /// - Throws: `CodecError` when bodies are compressed and there is no gzip codec.
  init(_ encoding: CarriedTarget.Encoding) throws(CodecError) {
    isCompressed = encoding == .gzip
    guard isCompressed else {
      inflating = nil
      deflating = nil
      return
    }
    let factory = try CodecRegistry.shared.factory("gzip")
    inflating = try factory.open(options: [])
    deflating = try factory.open(options: [])
  }

  deinit { buffer.deallocate() }

  /// Fills `target` with a body of some items (ascending indexes) of `body`.
  func cut(_ body: Payload, keeping items: [Int], into target: Payload) throws(Failure) {
    if let deflating {
      do { try deflating.begin(.deflate) } catch { throw Failure(message: error.description) }
    }
    var failure: Failure?
    try eachPiece(of: items, in: body) { piece in
      target.uncompressedLength += piece.count
      do throws(Failure) {
        try append(piece, to: target)
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    try finish(target)
    var end = 0
    for item in items {
      end += Int(body.recordOffsets[item]) - BodyCutter.start(of: item, in: body)
      target.recordOffsets.append(UInt32(end))
    }
    target.recordCount = items.count
    guard target.uncompressedLength == end else {
      throw Failure(message: "the body ends before its last item")
    }
  }

  /// Fills `target` with a body of these items.
  func encode(_ items: [[UInt8]], into target: Payload) throws(Failure) {
    if let deflating {
      do { try deflating.begin(.deflate) } catch { throw Failure(message: error.description) }
    }
    for item in items {
      var failure: Failure?
      item.withUnsafeBytes { bytes in
        do throws(Failure) { try append(bytes, to: target) } catch { failure = error }
      }
      if let failure { throw failure }
      target.uncompressedLength += item.count
      target.recordOffsets.append(UInt32(target.uncompressedLength))
    }
    try finish(target)
    target.recordCount = items.count
  }

  /// The bytes of some items (ascending indexes) of a body.
  func items(_ items: [Int], of body: Payload) throws(Failure) -> [[UInt8]] {
    var all: [UInt8] = []
    try eachPiece(of: items, in: body) { piece in
      all.append(contentsOf: piece)
      return true
    }
    var parts: [[UInt8]] = []
    var at = 0
    for item in items {
      let count = Int(body.recordOffsets[item]) - BodyCutter.start(of: item, in: body)
      guard at + count <= all.count else {
        throw Failure(message: "the body ends before its last item")
      }
      parts.append(Array(all[at..<at + count]))
      at += count
    }
    return parts
  }

  private static func start(of item: Int, in body: Payload) -> Int {
    item == 0 ? 0 : Int(body.recordOffsets[item - 1])
  }

  // MARK: Walking

  /// Calls `take` with the bytes of the items, in order and in any pieces, until it wants no more.
  private func eachPiece(
    of items: [Int], in body: Payload, _ take: (UnsafeRawBufferPointer) -> Bool
  ) throws(Failure) {
    var next = 0  // the item that is looked for
    var at = 0  // bytes of the body that have passed
    try eachChunk(of: body) { chunk in
      let end = at + chunk.count
      while next < items.count {
        let from = max(BodyCutter.start(of: items[next], in: body), at)
        let to = min(Int(body.recordOffsets[items[next]]), end)
        if from >= end { break }
        if !take(UnsafeRawBufferPointer(rebasing: chunk[from - at..<to - at])) { return false }
        if Int(body.recordOffsets[items[next]]) > end { break }
        next += 1
      }
      at = end
      return next < items.count
    }
  }

  /// Calls `take` with the uncompressed body in pieces, until it wants no more.
  private func eachChunk(
    of body: Payload, _ take: (UnsafeRawBufferPointer) -> Bool
  ) throws(Failure) {
    var rest = UnsafeRawBufferPointer(start: body.base, count: body.length)
    guard let inflating else {
      _ = take(rest)
      return
    }
    let inflater = MemberInflater(inflating)
    while true {
      var consumed = 0
      var produced = 0
      let status = inflater.read(rest, into: buffer, consumed: &consumed, produced: &produced)
      rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
      if produced > 0, !take(UnsafeRawBufferPointer(rebasing: buffer[..<produced])) { return }
      switch status {
      case .noSpace: continue
      case .needsInput, .end: return
      case .limit: throw Failure(message: "the body is larger than it may be")
      case .failed(let why): throw Failure(message: why)
      }
    }
  }

  // MARK: Writing

  private func append(_ piece: UnsafeRawBufferPointer, to target: Payload) throws(Failure) {
    guard let deflating else {
      target.append(piece)
      return
    }
    var rest = piece
    while true {
      let step = deflating.write(rest, into: BodyCutter.room(in: target))
      target.length += step.produced
      rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
      switch step.status {
      case .noSpace: continue
      case .failed(let why): throw Failure(message: why)
      case .done, .memberEnd:
        if rest.isEmpty { return }
      }
    }
  }

  private func finish(_ target: Payload) throws(Failure) {
    guard let deflating else { return }
    while true {
      let step = deflating.finish(into: BodyCutter.room(in: target))
      target.length += step.produced
      switch step.status {
      case .noSpace: continue
      case .failed(let why): throw Failure(message: why)
      case .done, .memberEnd: return
      }
    }
  }

  private static func room(in target: Payload) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: target.reserve(bufferBytes), count: bufferBytes)
  }
}
