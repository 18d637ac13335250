import CWeirKernels
import CWeirSystem
import Dispatch
import Glibc
import Synchronization
import WeirConfig
import WeirParsers
import WeirRing
public import WeirStage
import WeirTelemetry

/// `stdin`: a stream of JSON values, or lines for a parser; the end of input ends the engine.
///
/// A blocking reader has its own thread, which waits until the lane has room: nothing queues up.
public final class StdinInput: Input, @unchecked Sendable {
  /// Bytes that are read at a time.
  static let readBytes = 256 << 10
  /// The longest line that is kept whole, in bytes.
  static let lineBytesMax = 16 << 20

  public let decoder: any Decoder
  public let parallelStages: [any Filter]
  private let tag: String
  private let splitsLines: Bool
  private let descriptor: Int32
  private let isStopped = Atomic<Bool>(false)
  private let taken = DispatchSemaphore(value: 0)
  // Input lane only.
  private var host: InputHost?
  private var stream: Stream?
  private var offered: UnsafeRawBufferPointer?
  private var isEnd = false

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
    var thread = pthread_t()
    // SAFETY: the thread takes over the reference that is passed to it.
    let reference = Unmanaged.passRetained(self)
    let failed = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let input = Unmanaged<StdinInput>.fromOpaque(argument).takeRetainedValue()
        input.readAll()
        return nil
      }, reference.toOpaque())
    if failed != 0 {
      reference.release()
      throw InputError("stdin: no thread can be started: \(errorText(failed))")
    }
    pthread_detach(thread)
  }

  /// Reads no more; see `Input.stop`.
  public func stop() {
    isStopped.store(true, ordering: .relaxed)
    if offered != nil {
      offered = nil
      taken.signal()
    }
  }

  /// Room has come back; see `Input.resume`.
  public func resume() { deliver() }

  // MARK: The reader's thread

  private func readAll() {
    var capacity = Self.readBytes
    var buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
    defer { buffer.deallocate() }
    var length = 0
    while !isStopped.load(ordering: .relaxed) {
      if length == capacity {
        let wider = UnsafeMutableRawPointer.allocate(byteCount: 2 * capacity, alignment: 64)
        memcpy(wider, buffer, length)
        buffer.deallocate()
        buffer = wider
        capacity *= 2
      }
      let n = read(descriptor, buffer + length, min(Self.readBytes, capacity - length))
      if n < 0 && errno == EINTR { continue }
      if n <= 0 {
        if n < 0 { Log.error("stdin: it cannot be read: \(errorText())") }
        return offer(UnsafeRawBufferPointer(start: buffer, count: length), isEnd: true)
      }
      length += n
      let whole = wholeBytes(buffer, length)
      if whole == 0 { continue }
      offer(UnsafeRawBufferPointer(start: buffer, count: whole), isEnd: false)
      memmove(buffer, buffer + whole, length - whole)
      length -= whole
    }
  }

  /// How much can go: JSON is joined by its decoder, lines have to be whole.
  private func wholeBytes(_ buffer: UnsafeMutableRawPointer, _ length: Int) -> Int {
    if !splitsLines || length >= Self.lineBytesMax { return length }
    return weir_last_newline(buffer.assumingMemoryBound(to: UInt8.self), length) + 1
  }

  /// Gives bytes to the lane and waits until they are taken.
  private func offer(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) {
    // SAFETY: the buffer is the thread's, which waits until the lane has taken the bytes.
    nonisolated(unsafe) let bytes = bytes
    guard let queue = host?.queue else { return }
    queue.async { [self] in
      if isStopped.load(ordering: .relaxed) {
        taken.signal()
        return
      }
      offered = bytes
      self.isEnd = isEnd
      deliver()
    }
    taken.wait()
  }

  // MARK: The lane

  private func deliver() {
    guard let host, let stream, var bytes = offered else { return }
    while !bytes.isEmpty {
      guard host.mayRead(stream), let n = put(bytes, host, stream) else {
        offered = bytes
        return
      }
      bytes = UnsafeRawBufferPointer(rebasing: bytes[n...])
    }
    if isEnd {
      guard host.reserve(0) != nil else {
        offered = bytes
        return
      }
      host.commit(stream, generation: nil, position: 0, length: 0, flags: .streamEnd)
      host.seal()
      host.requestStop("stdin: end of input")
    }
    offered = nil
    taken.signal()
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
