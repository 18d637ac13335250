import CWeirPlugin
import Synchronization
import Testing
import WeirBatch
import WeirSDK
import WeirStage

@testable import WeirPluginHost

/// A filter as an author writes it with the SDK.
private final class Tagger: WeirSDK.PluginInstance {
  let host: Host
  let key: UInt32
  let suffix: [UInt8]
  let seen: Metric
  static let alive = Atomic<Int>(0)

  init(host: Host, options: Options) throws(PluginError) {
    self.host = host
    if options["suffix"].text == "bad" { throw .option("suffix", "bad is bad") }
    suffix = Array(options["suffix"].text.utf8)
    key = try host.key("log")
    seen = try host.counter("seen_total")
    guard options["list"].items.map(\.integer) == [1, 2], options["map"].entries.isEmpty else {
      throw .option("list", "unexpected")
    }
    Tagger.alive.wrappingAdd(1, ordering: .relaxed)
  }

  deinit { Tagger.alive.wrappingSubtract(1, ordering: .relaxed) }

  func openLane(_ index: Int) throws(PluginError) -> PluginLane { TaggerLane(self) }
}

private final class TaggerLane: PluginLane {
  let tagger: Tagger
  private var buffer: [UInt8] = []

  init(_ tagger: Tagger) {
    self.tagger = tagger
    super.init()
  }

  override func process(_ batch: BatchView, _ selection: SelectionView, _ cursor: inout UInt32)
    throws(PluginError) -> Int32
  {
    while cursor < UInt32(selection.count) {
      let record = batch.record(selection[Int(cursor)])
      if let field = record.field(tagger.key), case .text(let bytes) = batch.value(field.pointee) {
        buffer.removeAll(keepingCapacity: true)
        buffer.append(contentsOf: bytes)
        buffer.append(contentsOf: tagger.suffix)
        let result = buffer.withUnsafeBytes {
          batch.replaceText(field, with: $0, host: tagger.host)
        }
        if result != WEIR_OK { return result }
      } else {
        record.drop()
      }
      tagger.seen.record(1)
      cursor += 1
    }
    return WEIR_OK
  }
}

/// A component that an author got wrong.
private final class Hollow: WeirSDK.PluginInstance {
  init(host: Host, options: Options) throws(PluginError) {}
  func openLane(_ index: Int) throws(PluginError) -> PluginLane { PluginLane() }
}

private let plugin = Plugin(
  name: "sdk", version: "1", licence: "Apache-2.0", flags: UInt32(WEIR_PLUGIN_SINGLE_LANE),
  components: [
    .filter(
      "tagger", help: "append to log",
      options: """
        {"type": "object", "properties": {"suffix": {"type": "string", "default": "!"},
          "list": {"type": "array", "items": {"type": "integer"}}, "map": {"type": "object"}}}
        """, create: { create(Tagger.self, $0, $1, $2, $3, $4) }),
    .filter("hollow", help: "", create: { create(Hollow.self, $0, $1, $2, $3, $4) }),
  ])

@Suite("the Swift SDK", .serialized)
struct SDKTests {
  private func instance(_ type: String, _ options: [(String, String)]) throws -> HostInstance {
    let descriptor = try DescriptorReader(file: "sdk").read(UnsafeRawPointer(plugin.descriptor))
    let component = try #require(descriptor.components.first { $0.typeName == type })
    let tree = try component.schema.finish(Stage.config(.filter, type, options).properties)
    return try HostInstance(
      component, isSingleLane: descriptor.isSingleLane, name: type, options: tree,
      codecs: { name throws(CodecError) in throw .unknown(name) })
  }

  @Test("a filter reads options, edits text, drops and counts, and goes when it is done")
  func filter() throws {
    do {
      let filter = try PluginFilter(
        try instance("tagger", [("suffix", "?"), ("list", "1"), ("list", "2")]))
      let check = CheckBatch()
      check.add([check.text("log", "really")])
      check.add([check.text("other", "x")])
      filter.run(check)
      let lines = BatchText.render(check.batch)
      #expect(lines[0].hasSuffix(" log=\"really?\"") && lines[1] == "dropped")
      #expect(filter.metric("seen_total") == 2)
      #expect(filter.instance.context.violationCount == 0)
      #expect(Tagger.alive.load(ordering: .relaxed) == 1)
    }
    #expect(Tagger.alive.load(ordering: .relaxed) == 0)
  }

  @Test("what an author throws reaches the user, with the option")
  func refused() {
    do {
      _ = try instance("tagger", [("suffix", "bad")])
      Issue.record("bad passed")
    } catch {
      #expect("\(error)" == "test.conf:2:5: tagger: suffix: bad is bad")
    }
  }

  @Test("a lane that lacks what its kind needs is told, not trapped on")
  func hollow() throws {
    let filter = try PluginFilter(try instance("hollow", []))
    let check = CheckBatch()
    check.add([check.text("log", "x")])
    #expect(filter.run(check).errors.count == 1)
  }

  @Test("a host that lacks functions makes the SDK answer without them")
  func oldHost() throws {
    var table = HostTable.make()
    table.struct_size = UInt32(MemoryLayout<weir_host>.offset(of: \.metric_define) ?? 0)
    withUnsafePointer(to: &table) { table in
      let host = Host(table: table, context: nil)
      #expect(host.wallClock > 0)
      #expect(throws: PluginError.self) { try host.key("log") }
      #expect((try? host.counter("x")) != nil)
      #expect(host.take(10) == nil)
      #expect(!Options(host: host, node: nil)["x"].isPresent)
    }
  }

  @Test("messages that are too long are cut between characters")
  func messages() {
    var error = ErrorStruct.make()
    let text = String(repeating: "ä", count: 600)
    #expect(PluginError(WEIR_E_IO, text).fill(&error) == WEIR_E_IO)
    #expect(error.message_length == 1024)
    #expect(ErrorStruct.message(error, WEIR_E_IO) == String(repeating: "ä", count: 512))
    #expect(PluginError(WEIR_E_IO, "x" + text).fill(&error) == WEIR_E_IO)
    #expect(error.message_length == 1023)
  }
}
