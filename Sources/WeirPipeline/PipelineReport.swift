import WeirStage
import WeirTelemetry

extension Pipeline {
  /// The numbers of the pipeline as text, a line per stage: what SIGUSR1 and SIGCONT print, and
  /// `-v` at the end. Any thread.
  ///
  /// Per output, `read = delivered + dropped + in flight` holds over the inputs that reach it:
  /// `records` of an input counts what it made, `records` of an output what it delivered.
  public func report() -> String {
    var lines: [String] = []
    for stage in telemetry.all {
      var parts = [
        "\(stage.kind.rawValue) \(stage.name):", "records=\(stage.records.count)",
        "bytes=\(stage.bytes.count)",
      ]
      if stage.kind == .filter { parts.append("added=\(stage.added.count)") }
      if stage.kind == .output {
        parts.append("retries=\(stage.retries.count)")
        parts.append("retries_failed=\(stage.retriesFailed.count)")
      }
      parts.append("errors=\(stage.errors.count)")
      for reason in DropReason.allCases where stage.dropped(reason) > 0 {
        parts.append("dropped_\(reason.rawValue)=\(stage.dropped(reason))")
      }
      for (name, counter) in stage.extra.sorted(by: { $0.key < $1.key }) where counter.count > 0 {
        parts.append("\(name)=\(counter.count)")
      }
      lines.append(parts.joined(separator: " "))
    }
    lines.append(flowLine)
    return lines.map { "weir: \($0)\n" }.joined()
  }

  private var flowLine: String {
    let ring = ring.occupancy
    let waiting = outputBacklog.map { "\($0.name)=\($0.payloads)" }.joined(separator: ",")
    let credit = outputBacklog.map { "\($0.name)=\($0.creditBytes)" }.joined(separator: ",")
    return "flow: slots_used=\(ring.used) slots_waiting=\(ring.waiting) "
      + "refused_claims=\(ring.refusedClaims) open_ranges=\(ledger.openCount) "
      + "memory_bytes=\(budget.usedBytes) memory_peak_bytes=\(budget.peakBytes) "
      + "memory_refused=\(budget.refusalCount) undelivered_payloads=\(waiting) "
      + "credit_bytes=\(credit)"
  }
}
