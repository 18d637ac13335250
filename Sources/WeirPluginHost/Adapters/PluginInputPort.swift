import CWeirPlugin
import Synchronization
import WeirRing
import WeirStage

/// What the input functions of the host table act on: streams and room of one running input.
/// Everything but `wake` belongs to the input lane.
final class PluginInputPort: @unchecked Sendable {
  /// Streams that are open at once.
  static let streamsMax = 4096
  /// Bytes that one acquire may ask for.
  static let acquireBytesMax = 16 << 20

  let host: InputHost
  private let tag: [UInt8]
  private let onWake: @Sendable () -> Void
  private var streams: [Stream?] = []
  /// Numbers of streams that have ended, for new ones.
  private var ended: [UInt32] = []
  private var acquired: (stream: UInt32, bytes: Int)?
  private let caller = Atomic<UInt>(0)
  private let isWaking = Atomic<Bool>(false)

  init(_ host: InputHost, tag: [UInt8], onWake: @escaping @Sendable () -> Void) {
    self.host = host
    self.tag = tag
    self.onWake = onWake
  }

  /// True inside a call of the plugin, on its thread.
  var isInCall: Bool { caller.load(ordering: .relaxed) == LaneMark.currentThread }

  func whileInCall(_ body: () -> Int32) -> Int32 {
    caller.store(LaneMark.currentThread, ordering: .relaxed)
    defer {
      caller.store(0, ordering: .relaxed)
      acquired = nil
    }
    return body()
  }

  func openStream(tag own: [UInt8], path: [UInt8]) -> UInt32? {
    let number = ended.popLast()
    guard number != nil || streams.count < Self.streamsMax else { return nil }
    let stream = host.makeStream(tag: own.isEmpty ? tag : own, path: path)
    if let number {
      streams[Int(number)] = stream
      return number
    }
    streams.append(stream)
    return UInt32(streams.count - 1)
  }

  func acquire(
    _ stream: UInt32, _ bytes: UInt64, _ data: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>,
    _ capacity: UnsafeMutablePointer<UInt64>
  ) -> Int32 {
    guard stream < UInt32(streams.count), let open = streams[Int(stream)],
      bytes <= UInt64(Self.acquireBytesMax)
    else { return WEIR_E_ARGUMENT }
    guard host.mayRead(open), let room = host.reserve(max(1, Int(bytes))) else {
      return WEIR_BUSY
    }
    acquired = (stream, room.count)
    data.pointee = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    capacity.pointee = UInt64(room.count)
    return WEIR_OK
  }

  func publish(_ stream: UInt32, _ length: UInt64, _ position: UInt64, _ flags: UInt32) -> Int32 {
    guard let taken = acquired, taken.stream == stream, length <= UInt64(taken.bytes),
      let open = streams[Int(stream)]
    else { return WEIR_E_STATE }
    acquired = nil
    var chunk: ChunkFlags = []
    if flags & UInt32(WEIR_LINES_STREAM_END) != 0 { chunk.insert(.streamEnd) }
    if flags & UInt32(WEIR_LINES_UNFINISHED) != 0 { chunk.insert(.unfinished) }
    if length == 0 && chunk.isEmpty { return WEIR_OK }
    host.commit(
      open, generation: nil, position: position, length: Int(length), flags: chunk)
    if chunk.contains(.streamEnd) {
      streams[Int(stream)] = nil
      ended.append(stream)
    }
    return WEIR_OK
  }

  func flush() { host.seal() }

  /// Any thread: one poll follows, however often it is asked for before it runs.
  func wake() {
    guard !isWaking.exchange(true, ordering: .relaxed) else { return }
    host.queue.async { [self] in
      isWaking.store(false, ordering: .relaxed)
      onWake()
    }
  }
}
