import CWeirPlugin
import CWeirSystem
import Glibc
import Testing
import WeirBatch
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// The layout of the ABI, from every side, and hosts that end where version 1.0 ended.
@Suite("the layout of the ABI")
struct LayoutTests {
  static let source = Build.fixtures + "/Layout/layout.c"

  @Test("sizes and offsets hold as C11", .enabled(if: Build.has("cc"), "no C compiler"))
  func c11() {
    #expect(
      shell("cc -std=c11 -Wall -Werror -fsyntax-only -I'\(Build.header)' '\(Self.source)'") != nil)
    #expect(
      shell(
        "cc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c "
          + "'\(Build.header)/weir_plugin.h'") != nil)
  }

  @Test("sizes and offsets hold as C++17", .enabled(if: Build.has("c++"), "no C++ compiler"))
  func cxx17() {
    #expect(
      shell(
        "c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -x c++ -I'\(Build.header)' "
          + "'\(Self.source)'") != nil)
  }

  @Test("the golden table, the assertions and Swift say the same")
  func swift() throws {
    let golden = try #require(contents(Build.fixtures + "/Layout/golden.txt"))
    let asserted = try #require(contents(Self.source))
    var sizes: [String: Int] = [:]
    var offsets: [String: Int] = [:]
    for line in golden.split(separator: "\n") {
      let parts = line.split(separator: " ")
      if parts.count == 5, let size = Int(parts[2]) {
        sizes[String(parts[0])] = size
        #expect(asserted.contains("SIZE(\(parts[0]), \(size));"))
      } else if parts.count == 2, let offset = Int(parts[1]) {
        offsets[String(parts[0])] = offset
        let names = parts[0].split(separator: ".")
        #expect(asserted.contains("AT(\(names[0]), \(names[1]), \(offset));"))
      }
    }
    let inSwift: [(String, Int)] = [
      ("weir_field", MemoryLayout<weir_field>.size),
      ("weir_record", MemoryLayout<weir_record>.size),
      ("weir_segment", MemoryLayout<weir_segment>.size),
      ("weir_source", MemoryLayout<weir_source>.size), ("weir_tag", MemoryLayout<weir_tag>.size),
      ("weir_key", MemoryLayout<weir_key>.size),
      ("weir_resource", MemoryLayout<weir_resource>.size),
      ("weir_batch", MemoryLayout<weir_batch>.size), ("weir_error", MemoryLayout<weir_error>.size),
      ("weir_string", MemoryLayout<weir_string>.size),
      ("weir_limits", MemoryLayout<weir_limits>.size),
      ("weir_lifecycle", MemoryLayout<weir_lifecycle>.size),
      ("weir_component", MemoryLayout<weir_component>.size),
      ("weir_descriptor", MemoryLayout<weir_descriptor>.size),
      ("weir_filter", MemoryLayout<weir_filter>.size),
      ("weir_output", MemoryLayout<weir_output>.size),
      ("weir_input", MemoryLayout<weir_input>.size), ("weir_codec", MemoryLayout<weir_codec>.size),
      ("weir_tree_builder", MemoryLayout<weir_tree_builder>.size),
      ("weir_config_format", MemoryLayout<weir_config_format>.size),
      ("weir_host", MemoryLayout<weir_host>.size),
      ("weir_http_header", MemoryLayout<weir_http_header>.size),
      ("weir_http_target", MemoryLayout<weir_http_target>.size),
      ("weir_verdict", MemoryLayout<weir_verdict>.size),
      ("weir_http", MemoryLayout<weir_http>.size),
      ("weir_item_detail", MemoryLayout<weir_item_detail>.size),
      ("weir_outcomes_host", MemoryLayout<weir_outcomes_host>.size),
      ("weir_json_lead", MemoryLayout<weir_json_lead>.size),
      ("weir_json_item", MemoryLayout<weir_json_item>.size),
      ("weir_json_host", MemoryLayout<weir_json_host>.size),
      ("weir_accessor_host", MemoryLayout<weir_accessor_host>.size),
    ]
    #expect(inSwift.count == sizes.count)
    for (name, size) in inSwift { #expect(sizes[name] == size, "\(name)") }
    #expect(offsets["weir_record.source"] == MemoryLayout<weir_record>.offset(of: \.source))
    #expect(offsets["weir_field.value"] == MemoryLayout<weir_field>.offset(of: \.value))
    #expect(offsets["weir_batch.host"] == MemoryLayout<weir_batch>.offset(of: \.host))
    #expect(offsets["weir_batch.tags"] == MemoryLayout<weir_batch>.offset(of: \.tags))
    #expect(offsets["weir_component.table"] == MemoryLayout<weir_component>.offset(of: \.table))
    #expect(
      offsets["weir_descriptor.components"]
        == MemoryLayout<weir_descriptor>.offset(of: \.components))
    #expect(offsets["weir_host.log"] == MemoryLayout<weir_host>.offset(of: \.log))
    #expect(offsets["weir_host.body_commit"] == MemoryLayout<weir_host>.offset(of: \.body_commit))
    #expect(offsets["weir_host.slot_acquire"] == MemoryLayout<weir_host>.offset(of: \.slot_acquire))
  }

  /// A copy of the host table that ends where `bytes` end, right before memory that nobody may
  /// read.
  private func truncated(to bytes: Int) throws -> UnsafePointer<weir_host> {
    let page = 4096
    let memory = try #require(
      mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    try #require(memory != MAP_FAILED)
    try #require(mprotect(memory + page, page, PROT_NONE) == 0)
    let place = memory + page - bytes
    var table = HostTable.make()
    table.struct_size = UInt32(bytes)
    withUnsafeBytes(of: table) {
      UnsafeMutableRawBufferPointer(start: place, count: bytes)
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<bytes]))
    }
    return UnsafePointer(place.assumingMemoryBound(to: weir_host.self))
  }

  /// Bytes of the table as version 1.0 had it.
  static let version10 = 368

  @Test("the samples run with a table that ends where version 1.0 ended")
  func oldHost() throws {
    let old = try truncated(to: Self.version10)
    let folder = TemporaryFolder()
    let out = folder.path + "/lines"
    for (product, options) in [
      ("WeirSampleRedact", []), ("WeirSampleOutput", [("path", out)]),
    ] {
      let loader = PluginLoader(folder: nil)
      let component = try loader.load(named: Build.plugin(product)).descriptor.components[0]
      let tree = try component.schema.finish(Stage.config(.filter, "x", options).properties)
      let instance = try PluginInstance(
        component, isSingleLane: false, name: product, options: tree,
        codecs: { name throws(CodecError) in throw .unknown(name) }, host: old)
      let lane = try instance.openLane(0)
      let check = CheckBatch()
      check.addEverything()
      if case .filter(let table) = component.table {
        var cursor: UInt32 = 0
        var error = ErrorStruct.make()
        lane.mark.enter(check.batch.raw)
        let result = check.selection.withUnsafeBufferPointer {
          table.process(
            instance.raw, lane.state, check.batch.raw, $0.baseAddress, UInt32($0.count), &cursor,
            &error)
        }
        lane.mark.leave()
        #expect(result == WEIR_OK)
      } else {
        let output = try PluginOutput(instance)
        try output.start()
        #expect(deliver(check, to: output))
        output.close()
        #expect((contents(out) ?? "").split(separator: "\n").count == check.selection.count)
      }
    }
  }

  private func deliver(_ check: CheckBatch, to output: PluginOutput) -> Bool {
    let payload = Payload()
    let counters = StageCounters(kind: .output, name: "test")
    check.selection.withUnsafeBufferPointer {
      output.openLane(LaneContext(index: 0)).encode(check.batch, $0, into: payload, counters)
    }
    if case .done = output.deliver(payload) { return true }
    return false
  }
}
