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
