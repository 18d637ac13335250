import CWeirPlugin
import WeirSDK

/// The entry function: the one symbol that this plugin exports.
@c(weir_plugin_entry_v1)
public func weirPluginEntry() -> UnsafePointer<weir_descriptor>? { plugin.descriptor }

private let plugin = Plugin(
  name: "yaml", version: "1.0.0", licence: "Apache-2.0",
  components: [
    .configFormat(
      "yaml", help: "configurations in YAML", probe: { name, length, _, _ in probe(name, length) },
      parse: { bytes, length, builder, error in
        parseConfiguration(bytes, length, builder, error) { bytes, sink throws(ConfigSyntaxError) in
          try YAMLReader(bytes).read(into: &sink)
        }
      })
  ])

/// The name alone decides: a file is YAML when it ends in .yaml or .yml.
private func probe(_ name: UnsafePointer<UInt8>?, _ length: UInt64) -> Int32 {
  let name = UnsafeBufferPointer(start: name, count: Int(length))
  let isYAML = [".yaml", ".yml"].contains { name.suffix($0.utf8.count).elementsEqual($0.utf8) }
  return isYAML ? 100 : 0
}
