import CWeirPlugin
import WeirConfig

/// Configuration formats under the contract: whatever the bytes are, events stay balanced.
extension ContractCheck {
  mutating func checkFormat(_ component: PluginComponent) {
    let name = label(component)
    guard let format = try? PluginConfigFormat(component) else {
      report.error(name, "it is no configuration format")
      return
    }
    let texts = [
      "", "\n", "a", "a: b\nc:\n  - d\n  - e: f\n", "{\"a\": [1, 2, {\"b\": null}]}", "[section]\n",
      "\u{feff}a: 1\n", "a: &x {b: *x}\n", String(repeating: "[", count: 5_000), "a: \"\\x\n",
    ]
    var state: UInt64 = 0x1234_5678
    for text in texts {
      for round in 0..<20 {
        var bytes = Array(text.utf8)
        for _ in 0..<(bytes.isEmpty ? 0 : round) {
          state = state &* 6_364_136_223_846_793_005 &+ 1
          bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
        }
        parse(format, bytes, name)
      }
    }
  }

  private mutating func parse(_ format: PluginConfigFormat, _ bytes: [UInt8], _ name: String) {
    let builder = TreeBuilder(file: "check")
    _ = format.probe(name: "check.txt", firstBytes: bytes.prefix(4096))
    format.parse(bytes, into: builder)
    report.step()
    if builder.problem != nil { return }
    do throws(ConfigProblem) {
      _ = try builder.finish()
    } catch {
      report.error(name, "parse answers WEIR_OK with unbalanced events: \(error.message)")
    }
  }
}
