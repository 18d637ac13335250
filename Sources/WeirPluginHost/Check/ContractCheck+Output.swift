import CWeirPlugin
import WeirBatch
import WeirStage
import WeirTelemetry

/// Outputs under the contract: with the options that the check was given, they do what they do.
extension ContractCheck {
  mutating func checkOutput(_ component: PluginComponent) throws {
    let name = label(component)
    if component.isCarried { return try checkCarried(component) }
    let instance = try make(component)
    let output = try PluginOutput(instance)
    let lane = output.openLane(LaneContext(index: 0))
    let counters = StageCounters(kind: .output, name: component.typeName)
    try output.start()
    for isEmpty in [false, true] {
      let batch = CheckBatch(sequence: isEmpty ? 2 : 1)
      if !isEmpty { batch.addEverything() }
      let payload = Payload()
      batch.selection.withUnsafeBufferPointer {
        lane.encode(batch.batch, $0, into: payload, counters)
      }
      let expected = batch.selection.map { BatchText.record(batch.batch, Int($0)) }
      let image = BatchImage.open(payload)
      report.expect(
        BatchText.render(Batch(image)) == expected, name, "the host's copy of a batch differs")
      deliver(output, payload, name)
      report.expect(
        BatchText.render(Batch(image)) == expected, name, "deliver changes the batch")
    }
    output.flush()
    output.close()
    take(instance)
  }

  private mutating func deliver(_ output: PluginOutput, _ payload: Payload, _ name: String) {
    for _ in 0..<5 {
      report.step()
      switch output.deliver(payload) {
      case .done, .partial: return
      case .retry(let why): report.note(name, "deliver asks to try again: \(why)")
      case .failed(let why):
        report.error(name, "deliver fails: \(why)")
        return
      }
    }
    report.warn(name, "deliver asked five times to try again")
  }
}
