import Dispatch
import WeirRing
import WeirStage

/// Records that a stream holds open leave by its own age, or with its end.
extension Tailer {
  /// Time between looks at streams that may hold something open, in milliseconds.
  static let flushLookMs = 250

  /// Looks after a stream until everything given to the pipeline has left it.
  func watchForFlush(_ stream: TailStream) {
    guard !stream.isWatchedForFlush else { return }
    stream.isWatchedForFlush = true
    flushStreams.append(stream)
    setFlushTimer()
  }

  private func setFlushTimer() {
    guard !isFlushTimerSet, !isStopped else { return }
    isFlushTimerSet = true
    host.queue.asyncAfter(deadline: .now() + .milliseconds(Self.flushLookMs)) { [weak self] in
      guard let self else { return }
      self.isFlushTimerSet = false
      self.flushDue()
    }
  }

  private func flushDue() {
    guard !isStopped else { return }
    let now = Clock.monotonic()
    flushStreams.removeAll { stream in
      let deadline = stream.stream.openDeadline.nanoseconds
      if deadline == AtomicInstant.never {
        // Nothing is open, but what is under way may open something.
        let isIdle = (stream.lastGeneration?.committed ?? stream.lastEnd) >= stream.lastEnd
        if isIdle { stream.isWatchedForFlush = false }
        return isIdle
      }
      if now >= deadline, deadline != stream.flushedDeadline, sendMark(stream, .flushOpen) {
        stream.flushedDeadline = deadline
      }
      return false
    }
    if !flushStreams.isEmpty { setFlushTimer() }
  }

  /// Lets everything open leave before a run ends with its files: nobody may come to read it again.
  /// - Returns: false when there is no room now; `resume` leads back here.
  func flushAtEOF() -> Bool {
    var streams = unflushedAtEOF ?? self.streams.values.filter { $0.lastGeneration != nil }
    while let stream = streams.last, sendMark(stream, .flushOpen) { streams.removeLast() }
    unflushedAtEOF = streams
    return streams.isEmpty
  }

  /// Lets what is open leave at a stop after which nobody knows where to read it again.
  func flushAtStop() {
    guard !store.isPersistent else { return }
    for stream in streams.values where stream.lastGeneration != nil {
      _ = sendMark(stream, .flushOpen)
    }
  }

  /// Sends a chunk without bytes. It carries the stream's newest position, so that what it sets
  /// free is committed no earlier than it is delivered.
  func sendMark(_ stream: TailStream, _ flags: ChunkFlags) -> Bool {
    guard !isStopped, host.reserve(0) != nil else { return false }
    host.commit(
      stream.stream, generation: stream.lastGeneration, position: stream.lastEnd, length: 0,
      covered: 0, flags: flags)
    return true
  }
}
