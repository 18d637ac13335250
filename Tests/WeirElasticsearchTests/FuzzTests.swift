import CWeirPlugin
import Testing
import WeirBatch
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// Whatever records hold, a body has two lines per record, and each is valid JSON.
@Suite("bulk bodies of any records")
struct FuzzTests {
  static let optionSets: [[(String, String)]] = [
    [], [("compress", "gzip")],
    [("logstash_format", "on"), ("logstash_prefix_key", "$k0")],
    [("id_key", "$k1"), ("include_tag_key", "on"), ("replace_dots", "on")],
    [("id_key", "$k1"), ("write_operation", "upsert"), ("suppress_type_name", "on")],
    [("generate_id", "on"), ("time_key_format", "\"%Y\n\\"), ("tag_key", "k0")],
  ]

  private func value(
    _ key: String, _ check: CheckBatch, _ random: inout SeededGenerator, depth: Int
  ) -> weir_field {
    let id = KeyTable.shared.intern(key)
    let bytes = (0..<(random.next() % 40)).map { _ in
      random.next() % 3 == 0
        ? [0x0a, 0x22, 0x5c, 0x00, 0x0d, 0x7f, 0xff, 0xc3][Int(random.next() % 8)]
        : UInt8(truncatingIfNeeded: random.next() >> 9)
    }
    switch random.next() % (depth > 2 ? 9 : 11) {
    case 0: return .null(id)
    case 1: return .bool(id, random.next() % 2 == 0)
    case 2: return .int(id, Int64(bitPattern: random.next()))
    case 3: return .double(id, Double(bitPattern: random.next()))
    case 4: return check.slice(key, UInt32(WEIR_BINARY), bytes)
    case 5: return check.slice(key, UInt32(WEIR_JSON), Array(#"{"a.b":["\n\u00e9"]}"#.utf8))
    case 6: return check.slice(key, UInt32(WEIR_JSON_TEXT), Array(#"a\n\"b\\é"#.utf8))
    case 7, 8: return check.slice(key, UInt32(WEIR_TEXT), bytes)
    default:
      let isMap = random.next() % 2 == 0
      let children = (0..<(random.next() % 4)).map { index in
        var child = value("c.\(index)\"\n", check, &random, depth: depth + 1)
        if !isMap { child.key = UInt32(WEIR_NO_KEY) }
        return child
      }
      return check.parent(key, isMap ? UInt32(WEIR_MAP) : UInt32(WEIR_ARRAY), children)
    }
  }

  private func batch(_ seed: UInt64) -> CheckBatch {
    var random = SeededGenerator(seed: seed)
    let check = CheckBatch()
    for _ in 0..<(random.next() % 12 + 1) {
      let fields = (0..<(random.next() % 5)).map { _ in
        value("k\(random.next() % 4)", check, &random, depth: 0)
      }
      let flags = UInt32(WEIR_RECORD_DUPLICATES)
      let index = Int(check.add(fields, flags: flags, tag: UInt32(random.next() % 2)))
      check.batch.records[index].time_ns =
        Int64(bitPattern: random.next())
        >> Int64(
          random.next() % 40)
      if random.next() % 2 == 0 { check.batch.records[index].resource = 0 }
    }
    return check
  }

  @Test("two lines of valid JSON per record", arguments: optionSets.indices)
  func fuzz(set: Int) throws {
    let output = try Plugin.output(Self.optionSets[set])
    let counters = StageCounters(kind: .output, name: "test")
    let lane = output.openLane(LaneContext(index: 0))
    for seed in UInt64(1)...150 {
      let check = batch(seed)
      let payload = Payload()
      check.selection.withUnsafeBufferPointer {
        lane.encode(check.batch, $0, into: payload, counters)
      }
      if output.target.encoding == .gzip { continue }
      let lines = payload.text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.last == "" && lines.count == 2 * payload.recordCount + 1, "seed \(seed)")
      #expect(payload.recordOffsets.count == payload.recordCount)
      for line in lines.dropLast() { #expect(JSONCheck.isValue(line), "seed \(seed): \(line)") }
      for end in payload.recordOffsets { #expect(payload.base[Int(end) - 1] == 10) }
      if set != 4 { #expect(payload.recordCount == check.selection.count, "seed \(seed)") }
    }
    #expect(output.instance.context.violationCount == 0)
    #expect(counters.errors.count == 0)
  }

  /// Ids of a batch's records, in order.
  private func ids(_ check: CheckBatch) throws -> [String] {
    try Plugin.output([("generate_id", "on")]).lines(check)
      .enumerated().filter { $0.offset % 2 == 0 }.compactMap { line in
        line.element.split(separator: "\"").dropLast().last.map(String.init)
      }
  }

  @Test("ids are made of where a record was read: the same again, and never twice")
  func generatedIDs() throws {
    func records(_ generation: UInt64) -> CheckBatch {
      let check = WeirElasticsearchTests.batch((0..<20).map { _ in [("log", "same")] })
      check.batch.raw.pointee.sources[0].generation = (generation, 7)
      return check
    }
    let first = try ids(records(3))
    #expect(Set(first).count == 20)
    #expect(try ids(records(3)) == first)
    #expect(try Set(ids(records(4))).isDisjoint(with: first))
    let shape = first[0].split(separator: "-").map(\.count)
    #expect(shape == [8, 4, 4, 4, 12])
    #expect(first.allSatisfy { $0.allSatisfy { "0123456789abcdef-".contains($0) } })
    // An emitted record beside its original, a joined one from the same start, another input.
    let check = records(3)
    check.batch.records[0].ordinal = 1
    check.batch.records[1].length += 1
    let other = try ids(check)
    #expect(other[0] != first[0] && other[1] != first[1] && other[2] == first[2])
    check.batch.raw.pointee.sources[0].input = 1
    #expect(try Set(ids(check)).isDisjoint(with: other))
  }

  @Test("records that cannot be read again have random ids")
  func randomIDs() throws {
    let check = WeirElasticsearchTests.batch((0..<20).map { _ in [("log", "same")] })
    let first = try ids(check)
    #expect(Set(first).count == 20)
    #expect(try Set(ids(check)).isDisjoint(with: first))
  }

  @Test("an id never changes its meaning")
  func goldenID() throws {
    let check = WeirElasticsearchTests.batch([[("log", "x")]])
    check.batch.raw.pointee.sources[0].generation = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)
    let made = try ids(check)
    #expect(made == ["68aa4c9e-bfbe-9344-4389-1df69fb9b15a"])
  }
}
