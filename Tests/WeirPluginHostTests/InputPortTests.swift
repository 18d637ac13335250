import CWeirPlugin
import Dispatch
import Testing
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

@testable import WeirPluginHost

@Suite("The streams of a plugin's input")
struct InputPortTests {
  private func port() -> PluginInputPort {
    let budget = MemoryBudget(limitBytes: 8 << 20)
    let host = InputHost(
      queue: DispatchQueue(label: "port"), index: 0, name: "x.0",
      counters: StageCounters(kind: .input, name: "x.0"), ledger: Ledger(), budget: budget,
      ring: Ring(slotCount: 2, slotBytes: 64 << 10, budget: budget), gates: [],
      makeStream: { tag, path in
        Stream(
          id: 1, inputIndex: 0, plan: TagPlan(index: 0, tag: tag, filters: [], outputs: []),
          path: path, decoder: LineByLine())
      }, requestStop: { _ in })
    return PluginInputPort(host, tag: [116], onWake: {})
  }

  /// Publishes an end; false when the host refuses.
  private func end(_ stream: UInt32, _ port: PluginInputPort) -> Bool {
    var data: UnsafeMutablePointer<UInt8>?
    var capacity: UInt64 = 0
    guard port.acquire(stream, 1, &data, &capacity) == WEIR_OK else { return false }
    return port.publish(stream, 0, 0, UInt32(WEIR_LINES_STREAM_END)) == WEIR_OK
  }

  @Test("any number of streams may come and go, and a bounded number be open at once")
  func comeAndGo() throws {
    let port = port()
    for _ in 0..<3 * PluginInputPort.streamsMax {
      let stream = try #require(port.openStream(tag: [], path: []))
      #expect(end(stream, port))
      #expect(!end(stream, port))
      // The slots have no reader here: what was published is taken off.
      while let slot = port.host.ring.peek() {
        port.host.ring.advance()
        port.host.ring.release(slot)
      }
    }
    for _ in 0..<PluginInputPort.streamsMax {
      #expect(port.openStream(tag: [], path: []) != nil)
    }
    #expect(port.openStream(tag: [], path: []) == nil)
  }
}
