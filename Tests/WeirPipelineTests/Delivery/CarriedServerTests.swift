import Testing
import WeirConfig
import WeirDelivery
import WeirStage

@testable import WeirPipeline

@Suite("The time that a server has")
struct CarriedServerTests {
  private static let schema = PluginSchema(
    kind: .output, name: "es", usesNetwork: true, options: [])

  private func server(
    _ options: [(String, String)], node: [CarriedNode] = []
  ) throws -> CarriedServer {
    let config = InstanceConfig(
      kind: .output, plugin: "es",
      properties: options.map { Property(key: $0.0, node: ConfigNode(text: $0.1)) },
      schema: Self.schema)
    let setup = try CarriedSetup(config, Configuration(), retryLimit: nil)
    var target = CarriedTarget()
    target.nodes = node
    return try #require(setup.servers(target).first)
  }

  private func seconds(_ server: CarriedServer) throws -> [Double] {
    [
      server.endpoint.connect.ioTimeoutSeconds,
      try server.request(.none, of: nil).timeoutSeconds,
    ]
  }

  @Test("is bounded for silence and for a whole reply, unless the user wants no bound")
  func bounds() throws {
    #expect(try seconds(server([])) == [90, 910])
    let quick = try server([("net.io_timeout", "5"), ("net.connect_timeout", "3")])
    #expect(try seconds(quick) == [5, 303])
    #expect(try seconds(server([("net.io_timeout", "0")])) == [0, 0])
    #expect(try seconds(server([("net.io_timeout", "0s")])) == [0, 0])
  }

  @Test("follows the options of a server of an upstream")
  func upstream() throws {
    func node(_ options: [(key: String, value: String)]) -> CarriedNode {
      CarriedNode(name: "b", host: "b", port: 1, options: options, path: "/", headers: [])
    }
    #expect(try seconds(server([], node: [node([])])) == [90, 910])
    #expect(try seconds(server([], node: [node([("net.io_timeout", "0")])])) == [0, 0])
    #expect(
      try seconds(server([("net.io_timeout", "0")], node: [node([("net.io_timeout", "60")])]))
        == [60, 610])
  }
}
