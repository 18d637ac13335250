import CWeirPlugin
import Dispatch
import WeirStage
import WeirTelemetry

/// An input of a plugin as a stage of the pipeline: polled on its input lane.
final class PluginInput: Input, @unchecked Sendable {
  let instance: PluginInstance
  let decoder: any Decoder
  let parallelStages: [any Filter]
  private let table: weir_input
  private let tag: [UInt8]
  private var lane: PluginInstance.Lane?
  private var port: PluginInputPort?
  private var timer: (any DispatchSourceTimer)?
  private var hasEnded = false
  private var isStarted = false

  /// The shortest wait between two polls that a plugin asks for, in nanoseconds.
  static let pauseMin: Int64 = 1_000_000
  /// The wait after a failed poll, in nanoseconds.
  static let failurePause: Int64 = 1_000_000_000

  init(
    _ instance: PluginInstance, decoder: any Decoder, stages: [any Filter] = [], tag: [UInt8]
  ) throws(PluginHostError) {
    guard case .input(let table) = instance.component.table else {
      throw .refused(component: instance.context.name, what: "it is no input")
    }
    self.instance = instance
    self.decoder = decoder
    parallelStages = stages
    self.table = table
    self.tag = tag
  }

  func start(_ host: InputHost) throws {
    let lane = try instance.openLane(0)
    let port = PluginInputPort(host, tag: tag) { [weak self] in self?.resume() }
    self.lane = lane
    self.port = port
    instance.context.input.withLock { $0 = port }
    var error = ErrorStruct.make()
    let result = port.whileInCall { table.start(instance.raw, lane.state, &error) }
    guard result == WEIR_OK else {
      throw PluginHostError.refused(
        component: instance.context.name, what: ErrorStruct.message(error, result))
    }
    isStarted = true
    let timer = DispatchSource.makeTimerSource(queue: host.queue)
    timer.setEventHandler { [weak self] in self?.poll() }
    timer.schedule(deadline: .now())
    timer.resume()
    self.timer = timer
  }

  func resume() { poll() }

  private func poll() {
    guard isStarted, !hasEnded, let lane, let port else { return }
    var next = Int64.max
    var error = ErrorStruct.make()
    let now = Clock.monotonic()
    let result = port.whileInCall { table.poll(instance.raw, lane.state, now, &next, &error) }
    switch result {
    case WEIR_OK, WEIR_BUSY: break
    case WEIR_END:
      hasEnded = true
      port.flush()
      return
    default:
      port.host.counters.errors.add()
      Log.error("\(instance.context.name): \(ErrorStruct.message(error, result))")
      next = now + Self.failurePause
    }
    guard next != Int64.max else { return }
    let wait = max(Self.pauseMin, next - Clock.monotonic())
    timer?.schedule(deadline: .now() + .nanoseconds(Int(clamping: wait)))
  }

  func stop() {
    timer?.cancel()
    timer = nil
    guard isStarted, let lane else { return }
    isStarted = false
    table.stop(instance.raw, lane.state)
  }

  func finish() {
    instance.context.input.withLock { $0 = nil }
    instance.drain(seconds: PluginInstance.drainSeconds)
  }
}
