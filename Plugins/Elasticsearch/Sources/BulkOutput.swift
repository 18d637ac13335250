import CWeirPlugin
import Synchronization
import WeirSDK

/// What both outputs do: settings, where requests go, lanes and replies.
class BulkOutput: HTTPOutputInstance {
  class var dialect: Dialect { .elasticsearch }

  let settings: Settings
  let host: Host
  private let target: HTTPTarget
  private let endpoint: Endpoint
  let keys: LeadKeys
  /// Records that a default index or prefix stood in for.
  let replacedIndexes: Metric
  /// Records that were left out: `update` and `upsert` without an id.
  let missingIDs: Metric
  /// Ids that no action line may carry.
  let unsafeIDs: Metric

  /// Elasticsearch has answered since something before it refused a single document.
  private let hasAnswered = Atomic<Bool>(false)

  /// A bulk reply has come.
  func noteAnswer() {
    if !hasAnswered.load(ordering: .relaxed) { hasAnswered.store(true, ordering: .relaxed) }
  }

  /// Whether a request that a proxy refused may have been refused for one of its documents: when
  /// other requests get through. A refused single document has to be followed by a reply, so that a
  /// proxy that refuses everything costs no more than one.
  func mayBlameDocuments(_ count: Int) -> Bool {
    count > 1
      ? hasAnswered.load(ordering: .relaxed) : hasAnswered.exchange(false, ordering: .relaxed)
  }

  required init(host: Host, options: Options) throws(PluginError) {
    self.host = host
    settings = try Settings(options, Self.dialect)
    endpoint = try Endpoint(options)
    target = try endpoint.target(settings)
    keys = try LeadKeys(settings, host)
    replacedIndexes = try host.counter("index_fallbacks_total")
    missingIDs = try host.counter("records_without_id_total")
    unsafeIDs = try host.counter("unsafe_ids_total")
    if case .accessor = settings.id, options["generate_id"].bool {
      host.log(.warn, "generate_id has no effect beside id_key")
    }
  }

  /// Compiles accessors once, so that a mistake is told at the start.
  func prepare(_ limits: weir_limits) throws(PluginError) { _ = try BulkLane(self) }

  func openLane(_ index: Int) throws(PluginError) -> PluginLane { try BulkLane(self) }

  func describe(server: Options?) throws(PluginError) -> HTTPTarget {
    guard let server else { return target }
    return try endpoint.replaced(by: server).target(settings)
  }

  func openReply(
    status: Int, contentType: String, itemCount: Int, outcomes: Outcomes
  ) throws(PluginError) -> HTTPReply {
    BulkReply(self, status: status, itemCount: itemCount, outcomes: outcomes)
  }
}
