import CWeirKernels
import CWeirSystem
import Dispatch
import Glibc
import WeirSystem
import WeirTelemetry

/// The thread that reads a pipe: it offers what it has read and waits until that is taken.
///
/// The bytes of an offer are the thread's and stand still until `taken`, or `finish`.
final class StdinReader: @unchecked Sendable {
  // SAFETY: unchecked because of what only the thread touches; the rest is locked or constant.

  /// Bytes that are read at a time.
  static let readBytes = 256 << 10
  /// Seconds that a stop waits for the thread.
  static let stopSeconds = 1

  /// Bytes for the lane.
  struct Offer {
    var bytes: UnsafeRawBufferPointer
    var isEnd: Bool
  }

  private struct State {
    var offer: Offer?
    var isStopped = false
    /// What the thread held when it ended.
    var rest: UnsafeRawBufferPointer?
  }

  private let descriptor: Int32
  /// Lines are kept whole up to so many bytes; nil when it does not matter where text is cut.
  private let lineBytesMax: Int?
  private let onOffer: @Sendable () -> Void
  private let state = Locked(State())
  private let wasTaken = DispatchSemaphore(value: 0)
  private let hasEnded = DispatchSemaphore(value: 0)
  private let mayEnd = DispatchSemaphore(value: 0)
  private var stopPipe: (read: Int32, write: Int32) = (-1, -1)

  /// `onOffer` is called, on the thread, when there is an offer.
  init(_ descriptor: Int32, lineBytesMax: Int?, onOffer: @escaping @Sendable () -> Void) {
    self.descriptor = descriptor
    self.lineBytesMax = lineBytesMax
    self.onOffer = onOffer
  }

  deinit {
    if stopPipe.read >= 0 { close(stopPipe.read) }
    if stopPipe.write >= 0 { close(stopPipe.write) }
  }

  /// Starts the thread.
  func start() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw InputError("stdin: no pipe can be made: \(errorText())")
    }
    for end in ends { _ = weir_fcntl(end, F_SETFD, Int(FD_CLOEXEC)) }
    stopPipe = (ends[0], ends[1])
    var thread = pthread_t()
    // SAFETY: the thread takes over the reference that is passed to it.
    let reference = Unmanaged.passRetained(self)
    let failed = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<StdinReader>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, reference.toOpaque())
    if failed != 0 {
      reference.release()
      throw InputError("stdin: no thread can be started: \(errorText(failed))")
    }
    pthread_detach(thread)
  }

  // MARK: The lane's side

  /// The offer that waits, if there is one.
  func offer() -> Offer? {
    state.withLock { state in
      defer { state.offer = nil }
      return state.offer
    }
  }

  /// The bytes of the offer are not needed any more.
  func taken() { wasTaken.signal() }

  /// Ends the reading. Call `finish` when the result is not needed any more.
  /// - Returns: what was read and never offered; nil also when the thread does not answer in time.
  func stop() -> UnsafeRawBufferPointer? {
    let late = state.withLock { state -> Bool in
      state.isStopped = true
      return state.offer != nil
    }
    // An offer that came after the lane's last look: the thread gets it back as its rest.
    if late { wasTaken.signal() }
    _ = Glibc.write(stopPipe.write, "x", 1)
    guard hasEnded.wait(timeout: .now() + .seconds(Self.stopSeconds)) == .success else {
      return nil
    }
    return state.withLock { $0.rest }
  }

  /// Lets the thread go, and its memory with it.
  func finish() { mayEnd.signal() }

  // MARK: The thread

  private func run() {
    var capacity = Self.readBytes
    var buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
    defer { buffer.deallocate() }
    var length = 0
    var isOpen = true
    while isOpen, waits() {
      if length == capacity {
        let wider = UnsafeMutableRawPointer.allocate(byteCount: 2 * capacity, alignment: 64)
        memcpy(wider, buffer, length)
        buffer.deallocate()
        buffer = wider
        capacity *= 2
      }
      let n = read(descriptor, buffer + length, min(Self.readBytes, capacity - length))
      if n < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      if n < 0 { Log.error("stdin: it cannot be read: \(errorText())") }
      isOpen = n > 0
      length += max(0, n)
      let whole = isOpen ? wholeBytes(buffer, length) : length
      if isOpen && whole == 0 { continue }
      guard offer(UnsafeRawBufferPointer(start: buffer, count: whole), isEnd: !isOpen) else {
        break
      }
      memmove(buffer, buffer + whole, length - whole)
      length -= whole
    }
    let rest = UnsafeRawBufferPointer(start: buffer, count: length)
    state.withLock { $0.rest = rest.isEmpty ? nil : rest }
    hasEnded.signal()
    mayEnd.wait()
  }

  /// Waits for something to read; false when reading is over.
  private func waits() -> Bool {
    var wanted = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: stopPipe.read, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&wanted, 2, -1) < 0, errno == EINTR {}
    return wanted[1].revents == 0 && !state.withLock { $0.isStopped }
  }

  /// How much can go: JSON is joined by its decoder, lines have to be whole.
  private func wholeBytes(_ buffer: UnsafeMutableRawPointer, _ length: Int) -> Int {
    guard let lineBytesMax, length < lineBytesMax else { return length }
    return weir_last_newline(buffer.assumingMemoryBound(to: UInt8.self), length) + 1
  }

  /// Gives bytes to the lane and waits until they are taken.
  /// - Returns: false when they were not, because the reading is over.
  private func offer(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) -> Bool {
    let isOffered = state.withLock { state -> Bool in
      if state.isStopped { return false }
      state.offer = Offer(bytes: bytes, isEnd: isEnd)
      return true
    }
    guard isOffered else { return false }
    onOffer()
    wasTaken.wait()
    return state.withLock { state in
      // Still there: the lane has stopped without taking it.
      defer { state.offer = nil }
      return state.offer == nil
    }
  }
}
