import CWeirPlugin
import Dispatch
import Glibc
import WeirDelivery
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

/// Inputs under the contract: polled for a second, with the ring full now and then.
extension ContractCheck {
  static let inputMilliseconds = 600

  mutating func checkInput(_ component: PluginComponent) throws {
    let name = label(component)
    let instance = try make(component)
    let decoder = CountingDecoder()
    let input = try PluginInput(instance, decoder: decoder, tag: Array("check".utf8))
    let budget = MemoryBudget(limitBytes: 64 << 20)
    let ring = Ring(slotCount: 4, slotBytes: 64 << 10, budget: budget)
    let queue = DispatchQueue(label: "weir.check.input")
    let host = InputHost(
      queue: queue, index: 0, name: component.typeName,
      counters: StageCounters(kind: .input, name: component.typeName), ledger: Ledger(),
      budget: budget, ring: ring, gates: [],
      makeStream: { tag, path in
        Stream(
          id: 1, inputIndex: 0, plan: TagPlan(index: 0, tag: tag, filters: [], outputs: []),
          path: path, decoder: decoder)
      }, requestStop: { _ in })
    host.bind(input)
    var failure: (any Error)?
    queue.sync {
      do { try input.start(host) } catch { failure = error }
    }
    if let failure { throw failure }
    var lines = 0
    for _ in 0..<Self.inputMilliseconds / 20 {
      // Slots are taken only now and then, so that the input meets a full ring too.
      usleep(20_000)
      lines += drainRing(ring, name)
    }
    queue.sync {
      input.stop()
      host.seal()
    }
    lines += drainRing(ring, name)
    queue.sync { input.finish() }
    report.note(name, "published \(lines) lines in \(Self.inputMilliseconds) ms")
    take(instance)
  }

  private mutating func drainRing(_ ring: Ring, _ name: String) -> Int {
    var lines = 0
    while let slot = ring.peek() {
      ring.advance()
      for chunk in slot.chunks where chunk.length > 0 {
        let bytes = UnsafeBufferPointer(start: slot.base + chunk.offset, count: chunk.length)
        lines += bytes.count { $0 == 10 }
        report.expect(
          bytes.last == 10 || chunk.flags.contains(.unfinished), name,
          "slot_publish of bytes that do not end with a line end")
      }
      ring.release(slot)
    }
    return lines
  }
}

/// A decoder that is never asked: the check looks at the slots themselves.
private final class CountingDecoder: Decoder {
  func scan(_ chunk: Chunk, from offset: Int, in context: ScanContext) -> ScanStatus { .finished }
}
