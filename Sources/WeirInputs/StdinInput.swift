import CWeirKernels
import CWeirSystem
import Dispatch
import Glibc
import WeirConfig
import WeirParsers
import WeirRing
public import WeirStage
import WeirSystem
import WeirTelemetry

/// `stdin`: a stream of JSON values, or lines for a parser; the end of input ends the engine.
///
/// A blocking reader has its own thread, which waits until the lane has room: nothing queues up.
public final class StdinInput: Input, @unchecked Sendable {
  /// The longest line that is kept whole, in bytes.
  static let lineBytesMax = 16 << 20

  public let decoder: any Decoder
  public let parallelStages: [any Filter]
  private let tag: String
  private let splitsLines: Bool
  private let descriptor: Int32
  // Input lane only.
  private var reader: StdinReader?
  private var host: InputHost?
  private var stream: Stream?
  /// What the reader has offered and nobody has taken yet.
  private var offered: UnsafeRawBufferPointer?
  private var isEnd = false
  private var hasEnded = false

  /// - Parameter descriptor: what is read; 0 but in tests.
  init(
    _ config: InstanceConfig, lines: LineDecoding?, descriptor: Int32 = 0
  ) throws {
    tag = config.tag ?? config.instanceName
    splitsLines = lines != nil
    decoder = try lines?.decoder ?? JSONStreamDecoder()
    parallelStages = lines?.stages ?? []
    self.descriptor = descriptor
  }

  /// Begins to read; see `Input.start`.
  public func start(_ host: InputHost) throws {
    (decoder as? any CountingDecoder)?.bind(host.counters)
    self.host = host
    stream = host.makeStream(tag: Array(tag.utf8))
    let reader = StdinReader(descriptor, lineBytesMax: splitsLines ? Self.lineBytesMax : nil) {
      [weak self] in
      host.queue.async { [weak self] in self?.take() }
    }
    try reader.start()
    self.reader = reader
  }

  /// Reads no more; what was read and not taken yet still goes as far as there is room, and the
  /// rest is counted: nobody can read it again.
  public func stop() {
    guard let reader else { return }
    take()
    self.reader = nil
    if let bytes = offered { giveUp(bytes, reader) }
    let last = reader.stop()
    if !hasEnded {
      isEnd = true
      if let rest = last, let left = put(all: rest, isForced: true) { count(lost: left.count) }
      _ = end()
    }
    reader.finish()
  }

  /// Room has come back; see `Input.resume`.
  public func resume() { deliver() }

  // MARK: The lane

  private func take() {
    guard offered == nil, let offer = reader?.offer() else { return deliver() }
    offered = offer.bytes
    isEnd = offer.isEnd
    deliver()
  }

  private func deliver() {
    guard let bytes = offered else { return }
    if let left = put(all: bytes, isForced: false) {
      offered = left
      return
    }
    if isEnd {
      guard end() else {
        offered = UnsafeRawBufferPointer(rebasing: bytes[bytes.count...])
        return
      }
      host?.seal()
      host?.requestStop("stdin: end of input")
    }
    offered = nil
    reader?.taken()
  }

  /// Puts what the lane was to take where there is room for it, at a stop.
  private func giveUp(_ bytes: UnsafeRawBufferPointer, _ reader: StdinReader) {
    if let left = put(all: bytes, isForced: true) { count(lost: left.count) }
    offered = nil
    reader.taken()
  }

  private func count(lost bytes: Int) {
    guard let host else { return }
    host.counters.extra[InputCounterNames.lostBytes]?.add(bytes)
    Log.error("\(host.name): \(bytes) bytes that were read are lost: there is no room at the stop")
  }

  /// Tells the pipeline that nothing more comes; false when there is no room for that now.
  private func end() -> Bool {
    guard let host, let stream, host.reserve(0) != nil else { return false }
    host.commit(stream, generation: nil, position: 0, length: 0, flags: .streamEnd)
    hasEnded = true
    return true
  }

  /// Commits bytes as far as there is room.
  /// - Returns: what is left; nil when everything was taken.
  private func put(
    all bytes: UnsafeRawBufferPointer, isForced: Bool
  ) -> UnsafeRawBufferPointer? {
    guard let host, let stream else { return nil }
    var bytes = bytes
    while !bytes.isEmpty {
      guard isForced || host.mayRead(stream), let n = put(bytes, host, stream) else { return bytes }
      bytes = UnsafeRawBufferPointer(rebasing: bytes[n...])
    }
    return nil
  }

  /// Copies what fits, in whole lines where they matter; nil when there is no room now.
  private func put(_ bytes: UnsafeRawBufferPointer, _ host: InputHost, _ stream: Stream) -> Int? {
    guard let base = bytes.baseAddress else { return 0 }
    var minimum = 1
    var flags: ChunkFlags = []
    if splitsLines {
      let end = memchr(base, 0x0a, bytes.count)
      minimum = end.map { UnsafeRawPointer($0) - base + 1 } ?? bytes.count
      if end == nil { flags = isEnd ? .unfinished : .truncated }
    }
    guard let room = host.reserve(minimum), let into = room.baseAddress else { return nil }
    var n = min(room.count, bytes.count)
    if splitsLines, flags.isEmpty {
      n = weir_last_newline(base.assumingMemoryBound(to: UInt8.self), n) + 1
    }
    memcpy(into, base, n)
    host.commit(stream, generation: nil, position: 0, length: n, flags: flags)
    return n
  }
}
