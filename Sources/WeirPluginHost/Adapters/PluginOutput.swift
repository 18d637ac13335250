import CWeirPlugin
import Glibc
import Synchronization
import WeirBatch
import WeirStage
import WeirSystem
import WeirTelemetry

/// An output of a plugin as a stage of the pipeline: lanes copy the records that it gets into
/// payloads, its own queue hands them over, so that a slow plugin blocks nobody's slot.
final class PluginOutput: Output, @unchecked Sendable {
  /// How long a deferred answer may take, and how long a busy plugin is asked again, before the
  /// host counts it as a failed try.
  static let patienceSeconds = 30

  let instance: PluginInstance
  private let table: weir_output
  private let lane = Locked<PluginInstance.Lane?>(nil)
  private let selection = Locked<[UInt32]>([])
  private let isClosed = Atomic<Bool>(false)

  init(_ instance: PluginInstance) throws(PluginHostError) {
    guard case .output(let table, _) = instance.component.table else {
      throw .refused(component: instance.context.name, what: "it is no output")
    }
    guard instance.component.capabilities & UInt32(WEIR_CAN_DELIVER) != 0 else {
      throw .refused(
        component: instance.context.name,
        what: "it only encodes for HTTP, and does not say where requests go (weir_output.http)")
    }
    self.instance = instance
    self.table = table
  }

  func openLane(_ lane: LaneContext) -> any OutputLane { ImageLane() }

  func start() throws {
    let opened = try instance.openLane(0)
    lane.withLock { $0 = opened }
  }

  func deliver(_ payload: Payload) -> DeliveryResult {
    guard let lane = lane.withLock({ $0 }), let deliver = table.deliver else {
      return .failed("the output is not started")
    }
    guard payload.length > 0 else { return .done }
    let batch = BatchImage.open(payload)
    let count = Int(batch.pointee.record_count)
    return selection.withLock { indexes in
      while indexes.count < count { indexes.append(UInt32(indexes.count)) }
      return indexes.withUnsafeBufferPointer {
        deliver_(deliver, lane, batch, UnsafeBufferPointer(rebasing: $0[..<count]))
      }
    }
  }

  private typealias Deliver =
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafePointer<weir_batch>?,
      UnsafePointer<UInt32>?, UInt32, UInt64, UnsafeMutablePointer<weir_error>?
    ) -> Int32

  private func deliver_(
    _ deliver: Deliver, _ lane: PluginInstance.Lane, _ batch: UnsafeMutablePointer<weir_batch>,
    _ selection: Selection
  ) -> DeliveryResult {
    let desk = instance.context.delivery
    let deadline = Clock.monotonic() + Int64(Self.patienceSeconds) * 1_000_000_000
    while true {
      var error = ErrorStruct.make()
      let ticket = desk.open()
      var result = deliver(
        instance.raw, lane.state, batch, selection.baseAddress, UInt32(selection.count), ticket,
        &error)
      if result == WEIR_DEFERRED {
        guard let answer = desk.wait(seconds: Self.patienceSeconds) else {
          return .retry("no answer in \(Self.patienceSeconds) s")
        }
        result = answer
      }
      switch result {
      case WEIR_OK, WEIR_DROPPED_ALL: return .done
      case WEIR_BUSY:
        if Clock.monotonic() > deadline || isClosed.load(ordering: .relaxed) {
          return .retry("busy for \(Self.patienceSeconds) s")
        }
        desk.pause(milliseconds: 100)
      case WEIR_RETRY: return .retry(ErrorStruct.message(error, result))
      default: return .failed(ErrorStruct.message(error, result))
      }
    }
  }

  func flush() {
    guard let lane = lane.withLock({ $0 }), let flush = table.flush else { return }
    var error = ErrorStruct.make()
    let result = flush(instance.raw, lane.state, &error)
    if result < 0 {
      Log.error("\(instance.context.name): flush: \(ErrorStruct.message(error, result))")
    }
  }

  func close() {
    isClosed.store(true, ordering: .relaxed)
    instance.drain(seconds: PluginInstance.drainSeconds)
  }
}

/// Copies what an output of a plugin gets.
private final class ImageLane: OutputLane {
  func encode(
    _ batch: Batch, _ selection: Selection, into payload: Payload, _ counters: StageCounters
  ) {
    let cut = BatchImage.write(batch, selection, into: payload)
    if cut < 0 {
      counters.drop(.noRoom, records: selection.count)
      return
    }
    if cut > 0 { counters.errors.add(cut) }
    payload.recordCount = selection.count
    payload.sections.append(
      PayloadSection(target: 0, begin: 0, end: payload.length, records: selection.count))
  }
}
