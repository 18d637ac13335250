import CWeirPlugin
import Testing
import WeirBatch
import WeirTestSupport

@testable import WeirPluginHost

/// The sample filter in C.
@Suite("redact")
struct RedactTests {
  private func redacted(
    _ options: [(String, String)] = [], _ fields: (CheckBatch) -> [weir_field]
  ) throws -> (text: String, hidden: Int64?) {
    let filter = try Stage.filter(Build.plugin("WeirSampleRedact"), "redact", options)
    let check = CheckBatch()
    check.add(fields(check))
    let sum = check.rawSum
    let counters = filter.run(check)
    #expect(check.rawSum == sum && counters.errors.count == 0)
    #expect(filter.instance.context.violationCount == 0)
    let line = BatchText.render(check.batch)[0]
    return (
      line.split(separator: " ", maxSplits: 2).last.map(String.init) ?? "",
      filter.metric("redacted_values_total")
    )
  }

  @Test(
    "card numbers keep their last four digits",
    arguments: [
      ("card 4111111111111111 ok", "card ************1111 ok"),
      ("4111-1111-1111-1111", "****-****-****-1111"),
      ("a 5500 0000 0000 0004, b", "a **** **** **** 0004, b"),
      ("340000000000009 6011000000000004", "***********0009 ************0004"),
    ])
  func cards(text: String, expected: String) throws {
    let result = try redacted { [$0.text("log", text)] }
    #expect(result.text == "log=\"\(expected)\"")
  }

  @Test(
    "other numbers stay",
    arguments: [
      "4111111111111112", "411111111111", "12345678901234567890123",
      "2026-01-01T00:00:00.123456789Z",
      "port 65535 pid 4194304", "-- 1 - 2", "", "4111111111111111222222",
    ])
  func others(text: String) throws {
    let result = try redacted { [$0.text("log", text)] }
    #expect(result.text == "log=\"\(text)\"")
    #expect(result.hidden == 0)
  }

  @Test("numbers, escaped text and raw JSON are looked into, and stay what they are")
  func types() throws {
    let result = try redacted { check in
      [
        .int(KeyTable.shared.intern("n"), 4_111_111_111_111_111),
        .int(KeyTable.shared.intern("m"), -4_111_111_111_111_111),
        check.slice(
          "j", UInt32(WEIR_JSON_TEXT), Array("\\u4111111111111111 4111111111111111".utf8)),
        check.slice(
          "o", UInt32(WEIR_JSON),
          Array(
            "{\"a\\\"4\":4111111111111111,\"b\":\"x 4111111111111111\",\"c\":4111111111111111.5}"
              .utf8)),
      ]
    }
    #expect(
      result.text
        == "n=\"************1111\" m=i-4111111111111111 "
        + "j=j\"\\u4111111111111111 ************1111\" "
        + "o={\"a\\\"4\":\"************1111\",\"b\":\"x ************1111\","
        + "\"c\":4111111111111111.5}"
    )
    #expect(result.hidden == 4)
  }

  @Test("values of chosen keys are replaced, whatever they are")
  func keys() throws {
    let options = [("keys", "password"), ("keys", "token"), ("mask", "***"), ("cards", "off")]
    let result = try redacted(options) { check in
      [
        check.text("log", "4111111111111111"), check.text("password", "secret"),
        .int(KeyTable.shared.intern("token"), 7),
        check.parent("token", UInt32(WEIR_MAP), [check.text("x", "y")]),
      ]
    }
    #expect(result.text == "log=\"4111111111111111\" password=\"***\" token=\"***\" token=\"***\"")
    #expect(result.hidden == 3)
  }

  @Test("nested values are found, and a mask that is too long is refused at its line")
  func nestedAndRefused() throws {
    let result = try redacted { check in
      [check.parent("m", UInt32(WEIR_MAP), [check.text("k", "4111111111111111")])]
    }
    #expect(result.text == "m=10{k=\"************1111\"}")
    let long = String(repeating: "x", count: 257)
    do {
      _ = try Stage.filter(
        Build.plugin("WeirSampleRedact"), "redact", [("keys", "a"), ("mask", long)])
      Issue.record("a mask of 257 bytes passed")
    } catch {
      #expect("\(error)".contains("test.conf:3:5"))
      #expect("\(error)".contains("mask: the mask has more than 256 bytes"))
    }
  }
}
