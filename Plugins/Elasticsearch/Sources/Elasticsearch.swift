import CWeirPlugin
import WeirSDK

/// The entry function: the one symbol that this plugin exports.
@c(weir_plugin_entry_v1)
public func weirPluginEntry() -> UnsafePointer<weir_descriptor>? { plugin.descriptor }

private let plugin = Plugin(
  name: "elasticsearch", version: "1.0.0", licence: "Apache-2.0", hostMinorMin: 1,
  components: [
    .httpOutput(
      "es", help: "records to Elasticsearch, in bulk", options: Schemas.elasticsearch,
      create: { create(ElasticsearchOutput.self, $0, $1, $2, $3, $4) }),
    .httpOutput(
      "opensearch", help: "records to OpenSearch, in bulk", options: Schemas.openSearch,
      create: { create(OpenSearchOutput.self, $0, $1, $2, $3, $4) }),
  ])

/// The output `es`.
final class ElasticsearchOutput: BulkOutput {
  override class var dialect: Dialect { .elasticsearch }
}

/// The output `opensearch`: accessors in `index`; no Elastic Cloud, API keys or `upstream`.
final class OpenSearchOutput: BulkOutput {
  override class var dialect: Dialect { .openSearch }
}
