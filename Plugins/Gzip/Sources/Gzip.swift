import CGzipISAL
import CWeirPlugin
import WeirSDK

/// The entry function: the one symbol that this plugin exports.
@c(weir_plugin_entry_v1)
public func weirPluginEntry() -> UnsafePointer<weir_descriptor>? { plugin.descriptor }

private let plugin = Plugin(
  name: "gzip", version: "1.0.0", licence: "Apache-2.0",
  components: [
    .codec(
      "gzip", help: "gzip members by ISA-L or zlib", options: GzipCodec.schema,
      capabilities: UInt32(WEIR_CAN_DEFLATE) | UInt32(WEIR_CAN_INFLATE),
      create: { create(GzipCodec.self, $0, $1, $2, $3, $4) })
  ])

/// The gzip codec: its settings, shared by lanes.
///
/// ISA-L does levels 1 to 3 (about five times as fast as zlib at level 1's ratio) and inflates,
/// where it is installed; zlib does everything else, and everything where it is not.
final class GzipCodec: CodecInstance {
  static let schema: OptionsSchema = """
    {"type": "object", "additionalProperties": false, "properties": {
      "level": {"type": "integer", "minimum": 0, "maximum": 9, "default": 1,
        "description": "0 stores, 1 is fastest, 9 is smallest"},
      "engine": {"type": "string", "enum": ["auto", "zlib", "isal"], "default": "auto",
        "description": "auto takes ISA-L where it is installed and the level is 1 to 3"},
      "inflate_bytes_max": {"type": "integer", "minimum": 0, "default": 0, "unit": "bytes",
        "description": "most bytes that one member may inflate to; 0 for no cap"}}}
    """

  let level: Int
  let deflatesWithISAL: Bool
  let inflatesWithISAL: Bool
  let inflateBytesMax: UInt64

  init(host: Host, options: Options) throws(PluginError) {
    level = options["level"].integer
    inflateBytesMax = UInt64(max(0, options["inflate_bytes_max"].integer))
    let engine = options["engine"].text
    let isPresent = weir_isal_present() != 0
    if engine == "isal" {
      guard isPresent else {
        throw .option("engine", "ISA-L is not installed here; install libisal2 or set engine auto")
      }
      guard (1...3).contains(level) else {
        throw .option("level", "ISA-L has levels 1 to 3; set one of them, or engine zlib")
      }
    }
    deflatesWithISAL = engine != "zlib" && isPresent && (1...3).contains(level)
    inflatesWithISAL = engine != "zlib" && isPresent
  }

  /// Stored blocks are the worst case of both engines; ISA-L begins one at least every 32 KiB.
  func bound(_ bytes: UInt64) -> UInt64 { bytes + bytes / 1024 + 1024 }

  func openLane(_ index: Int) throws(PluginError) -> PluginLane { GzipLane(self) }
}
