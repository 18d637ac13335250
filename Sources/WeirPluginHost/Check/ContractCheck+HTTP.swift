import CWeirPlugin
import WeirBatch
import WeirStage
import WeirTelemetry

/// Outputs over HTTP under the contract: bodies come out the same whatever way they are asked for,
/// and replies may be anything.
extension ContractCheck {
  mutating func checkCarried(_ component: PluginComponent) throws {
    let name = label(component)
    let instance = try make(component)
    let output = try PluginCarriedOutput(instance)
    try output.start()
    report.step()
    let whole = CheckBatch()
    whole.addEverything()
    let sum = whole.rawSum
    let before = BatchText.render(whole.batch)
    let all = try encode(instance, whole, whole.selection, name)
    report.expect(whole.rawSum == sum, name, "encode writes into the raw segment")
    report.expect(BatchText.render(whole.batch) == before, name, "encode changes the batch")
    let none = try encode(instance, whole, [], name)
    report.expect(none.isEmpty, name, "encode makes items of an empty selection")
    let count = try encode(instance, whole, [whole.selection[0]], name).count
    report.expect(count <= 1, name, "encode makes more items than records are selected")
    checkReplies(output, items: max(1, all.count), name)
    output.close()
    take(instance)
  }

  /// Encodes on a lane of its own; holds results, cursor and item ends against the contract.
  /// - Returns: the ends of the items.
  private mutating func encode(
    _ instance: PluginInstance, _ check: CheckBatch, _ selection: [UInt32], _ name: String
  ) throws -> [UInt64] {
    guard case .output(let table, _) = instance.component.table else { return [] }
    let lane = try instance.openLane(0)
    let payload = Payload()
    let body = UnsafeMutablePointer<RequestBody>.allocate(capacity: 1)
    body.initialize(to: RequestBody(payload))
    defer { body.deallocate() }
    var cursor: UInt32 = 0
    var ends = [UInt64](repeating: UInt64.max, count: max(1, selection.count))
    var error = ErrorStruct.make()
    body.pointee.open(payload, check.batch.raw)
    lane.mark.enter(check.batch.raw)
    let result = selection.withUnsafeBufferPointer {
      table.encode(
        instance.raw, lane.state, check.batch.raw, $0.baseAddress, UInt32($0.count), &cursor,
        OpaquePointer(body), &ends, &error)
    }
    lane.mark.leave()
    body.pointee.close()
    report.expect(
      result == WEIR_OK, name, "encode fails: \(ErrorStruct.message(error, result))")
    report.expect(
      cursor == UInt32(selection.count), name, "encode leaves the cursor at \(cursor)")
    var items: [UInt64] = []
    var last: UInt64 = 0
    for i in 0..<Int(min(cursor, UInt32(selection.count))) {
      let isAscending = ends[i] >= last && ends[i] <= UInt64(payload.length)
      report.expect(isAscending, name, "encode gives item ends that do not ascend")
      if !isAscending { return items }
      if ends[i] > last { items.append(ends[i]) }
      last = ends[i]
    }
    report.expect(
      last == UInt64(payload.length), name, "encode leaves bytes behind the last item")
    return items
  }

  // MARK: Replies

  private static let replies: [(status: Int, type: String, body: String)] = [
    (200, "application/json", ""), (200, "text/html", "<html>hello</html>"),
    (200, "application/json", "{}"), (200, "application/json", "[[[[{\"items\":[{}]}]]]]"),
    (200, "application/json", "{\"errors\":false,\"items\":[]}"), (204, "", ""),
    (200, "application/json", String(repeating: "[", count: 4096)),
    (200, "application/json", "{\"items\":[" + String(repeating: "{\"a\":{}},", count: 2000)),
    (400, "application/json", "{\"error\":\"no\"}"), (401, "", "no"), (403, "", ""),
    (413, "text/plain", "too large"), (429, "", ""), (500, "", "\u{0}\u{1}"), (503, "", ""),
    (0, "", "nothing"), (200, "application/json", "{\"took\":1,\"errors\":true,\"items\":[{\"x"),
  ]

  private mutating func checkReplies(_ output: PluginCarriedOutput, items: Int, _ name: String) {
    for reply in Self.replies {
      let bytes = Array(reply.body.utf8)
      var verdicts: [String] = []
      for piece in [bytes.count, 1, 7] {
        report.step()
        let reader = output.openReply(
          status: reply.status, contentType: reply.type, itemCount: items)
        feed(reader, bytes, piece: max(1, piece))
        verdicts.append(Self.text(reader.finish(isComplete: true)))
      }
      report.expect(
        Set(verdicts).count == 1, name,
        "the verdict on a reply (\(reply.status)) depends on the pieces that it comes in")
      let cut = output.openReply(
        status: reply.status, contentType: reply.type, itemCount: items)
      feed(cut, Array(bytes.prefix(bytes.count / 2)), piece: 3)
      let verdict = cut.finish(isComplete: false)
      let isDone = verdict.kind == .items && verdict.outcomes.count(of: .done) == items
      report.expect(!isDone, name, "a reply that is cut off counts as success")
      // Opened and given up: nothing may be left behind.
      _ = output.openReply(status: reply.status, contentType: reply.type, itemCount: items)
    }
  }

  private func feed(_ reader: any CarriedReply, _ bytes: [UInt8], piece: Int) {
    var at = 0
    while at < bytes.count {
      let end = min(bytes.count, at + piece)
      let goesOn = bytes.withUnsafeBytes {
        reader.receive(UnsafeRawBufferPointer(rebasing: $0[at..<end]))
      }
      if !goesOn { return }
      at = end
    }
  }

  private static func text(_ verdict: ReplyVerdict) -> String {
    var text = "\(verdict.kind)"
    for item in 0..<verdict.outcomes.count { text += " \(verdict.outcomes[item].rawValue)" }
    return text
  }
}
