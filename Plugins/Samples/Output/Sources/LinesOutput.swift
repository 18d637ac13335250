import CWeirPlugin
import Glibc
import WeirSDK

/// The entry function: the one symbol that this plugin exports.
@c(weir_plugin_entry_v1)
public func weirPluginEntry() -> UnsafePointer<weir_descriptor>? { plugin.descriptor }

private let plugin = Plugin(
  name: "sample_output", version: "1.0.0", licence: "Apache-2.0",
  components: [
    .output(
      "lines", help: "one line per record, to a file or as UDP datagrams",
      options: LinesOutput.schema,
      create: { create(LinesOutput.self, $0, $1, $2, $3, $4) })
  ])

/// The output `lines`: `TAG SECONDS.NANOSECONDS key=value ...` per record.
final class LinesOutput: PluginInstance {
  static let schema: OptionsSchema = """
    {"type": "object", "additionalProperties": false, "properties": {
      "path": {"type": "string", "description": "the file that lines are appended to"},
      "udp": {"type": "string", "description": "ADDRESS:PORT (IPv4) that datagrams go to"},
      "key": {"type": "string", "description": "write the value of this key only"}}}
    """

  /// Where lines go.
  enum Target {
    case file(String)
    case udp(address: in_addr, port: UInt16)
  }

  let target: Target
  let key: UInt32?
  let lines: Metric

  init(host: Host, options: Options) throws(PluginError) {
    let path = options["path"].text
    let udp = options["udp"].text
    switch (path.isEmpty, udp.isEmpty) {
    case (false, true): target = .file(path)
    case (true, false): target = try LinesOutput.parse(udp)
    default: throw .option("path", "give either path or udp")
    }
    key = options["key"].isPresent ? try host.key(options["key"].text) : nil
    lines = try host.counter("lines_total")
  }

  private static func parse(_ text: String) throws(PluginError) -> Target {
    let parts = text.split(separator: ":")
    var address = in_addr()
    guard parts.count == 2, let port = UInt16(parts[1]), port > 0,
      inet_pton(AF_INET, String(parts[0]), &address) == 1
    else { throw .option("udp", "\"\(text)\" is no IPv4 address with a port") }
    return .udp(address: address, port: port)
  }

  func openLane(_ index: Int) throws(PluginError) -> PluginLane {
    LinesLane(self, try open())
  }

  private func open() throws(PluginError) -> Int32 {
    switch target {
    case .file(let path):
      let descriptor = creat_append(path)
      if descriptor < 0 {
        throw PluginError(
          WEIR_E_IO, "\(path) cannot be opened: \(String(cString: strerror(errno)))", path: "path")
      }
      return descriptor
    case .udp(let address, let port):
      let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
      var peer = sockaddr_in()
      peer.sin_family = sa_family_t(AF_INET)
      peer.sin_port = port.bigEndian
      peer.sin_addr = address
      let result = withUnsafePointer(to: &peer) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard descriptor >= 0, result == 0 else {
        throw PluginError(WEIR_E_IO, "no socket: \(String(cString: strerror(errno)))", path: "udp")
      }
      return descriptor
    }
  }
}

/// Opens a file to append to it, made with mode 0644 if it is missing.
private func creat_append(_ path: String) -> Int32 {
  guard let file = fopen(path, "a") else { return -1 }
  defer { fclose(file) }
  return dup(fileno(file))
}
