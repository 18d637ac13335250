import WeirStage
import WeirTelemetry

/// Tells the log what happens to deliveries, once when it begins and then now and then: an outage
/// of a day is some hundred lines, not a million. Owned by one output's queue.
struct DeliveryNews {
  /// Seconds between lines about the same thing that goes on.
  static let intervalSeconds: Int64 = 60

  private let output: String
  /// Names of the servers, by node.
  var servers: [String] = []
  private var toldAt: [Topic: Int64] = [:]

  private enum Topic: Hashable {
    case failing(Int), denied(Int), givenUp, spoolFailed, spoolFull, strange, dropped
    case shed(String), dead(String)
  }
  /// Kinds of dead letters that are told apart.
  private static let topicsMax = 64

  init(_ output: String) { self.output = output }

  mutating func tell(_ event: DeliveryEvent, at now: Int64) {
    switch event {
    case .failing(let node, let message, let failures):
      guard isDue(.failing(node), now) else { return }
      Log.warn(
        "output \(output): \(server(node)): \(message); "
          + (failures == 1 ? "trying again" : "\(failures) failures in a row, trying on"))
    case .denied(let node, let message):
      guard isDue(.denied(node), now) else { return }
      Log.error(
        "output \(output): \(server(node)) refuses us: \(message); the data are kept and it is "
          + "tried again")
    case .recovered(let node):
      toldAt[.failing(node)] = nil
      toldAt[.denied(node)] = nil
      Log.info("output \(output): \(server(node)) works again")
    case .givenUp(let items, let message):
      guard isDue(.givenUp, now) else { return }
      Log.error("output \(output): \(items) records given up (retry_limit): \(message)")
    case .spoolFailed(let message):
      guard isDue(.spoolFailed, now) else { return }
      Log.error("output \(output): the spool cannot be written: \(message); streams wait")
    case .spoolFull:
      guard isDue(.spoolFull, now) else { return }
      Log.warn(
        "output \(output): the spool is full (storage.total_limit_size); streams wait until the "
          + "server takes something")
    case .strangeDuplicates(let items):
      guard isDue(.strange, now) else { return }
      Log.warn(
        "output \(output): the server had \(items) records before they were sent for the first "
          + "time: other records have their ids, or somebody else sends the same; counted as "
          + OutputCounterNames.firstAttemptDuplicates)
    case .dropped(let items):
      guard isDue(.dropped, now) else { return }
      Log.warn(
        "output \(output): the oldest that wait are dropped, \(items) records now: see "
          + "mem_buf_limit and storage.type memrb of their input")
    case .shed(let items, let folder):
      guard isDue(.shed(folder), now) else { return }
      Log.warn(
        "output \(output): \(folder) is full and sheds its oldest, \(items) records now: see "
          + "storage.total_limit_size, storage.rejected.limit")
    }
  }

  /// One sample of each kind of dead letter.
  mutating func tellDead(_ item: DeadItem, count: Int, at now: Int64) {
    guard toldAt.count < DeliveryNews.topicsMax || toldAt[.dead(item.type)] != nil,
      isDue(.dead(item.type), now)
    else { return }
    Log.warn(
      "output \(output): \(count) records to the dead letters, such as \(item.status) "
        + "\(item.type)\(item.place.isEmpty ? "" : " in \(item.place)"): \(item.reason)")
  }

  private func server(_ node: Int) -> String {
    servers.indices.contains(node) ? servers[node] : "server \(node)"
  }

  private mutating func isDue(_ topic: Topic, _ now: Int64) -> Bool {
    if let last = toldAt[topic], now - last < DeliveryNews.intervalSeconds * 1_000_000_000 {
      return false
    }
    toldAt[topic] = now
    return true
  }
}
