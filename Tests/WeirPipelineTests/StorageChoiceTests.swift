import Testing
import WeirConfig
import WeirDelivery

@testable import WeirPipeline

@Suite("where an output keeps its files")
struct StorageChoiceTests {
  private func choice(
    _ options: KeyValuePairs<String, String>, service: [(String, String)] = [],
    inputStorage: String = "memory"
  ) throws -> StorageChoice {
    var configuration = Configuration()
    let properties = [("storage.path", "/root/of/it")] + service
    configuration.service.properties = properties.map {
      Property(key: $0.0, node: ConfigNode(text: $0.1))
    }
    configuration.service.storagePath = "/root/of/it"
    configuration.inputs = [
      InstanceConfig(kind: .input, plugin: "dummy", options: ["storage.type": inputStorage])
    ]
    return try StorageChoice(
      InstanceConfig(kind: .output, plugin: "es", options: options), configuration)
  }

  @Test("a size is the limit of a spool, whatever the inputs keep")
  func size() throws {
    let made = try choice(["storage.total_limit_size": "1M"])
    #expect(made.spool?.limitBytes == 1_000_000)
    #expect(made.spool?.directory == "/root/of/it/spool/es.0")
  }

  @Test("0, false and off set no limit: a spool is there only for inputs that keep files")
  func noLimit() throws {
    for text in ["0", "false", "off"] {
      #expect(try choice(["storage.total_limit_size": text]).spool == nil)
      let made = try choice(["storage.total_limit_size": text], inputStorage: "filesystem")
      #expect(made.spool != nil && made.spool?.limitBytes == nil, "\(text)")
    }
    #expect(try choice([:]).spool == nil)
    #expect(try choice([:], inputStorage: "filesystem").spool?.limitBytes == nil)
  }

  @Test("dead letters go where storage.rejected.path says, and 0 is no limit for them")
  func letters() throws {
    #expect(try choice([:]).deadLetters?.limitBytes == CarriedSetup.deadLetterBytes)
    let made = try choice(
      [:], service: [("storage.rejected.path", "bad"), ("storage.rejected.limit", "0")])
    #expect(made.deadLetters?.directory == "/root/of/it/bad/es.0")
    #expect(made.deadLetters?.limitBytes == nil)
    #expect(try choice([:], service: [("storage.keep.rejected", "off")]).deadLetters == nil)
  }
}
