import WeirStage
import WeirTelemetry

/// Tells the log what happens to deliveries, once when it begins and then now and then: an outage
/// of a day is some hundred lines, not a million. Numbers of records are those since the last line
/// of their kind. Owned by one output's queue.
struct DeliveryNews {
  /// Seconds between lines about the same thing that goes on.
  static let intervalSeconds: Int64 = 60

  private let output: String
  /// Takes the lines; the log, but for tests.
  private let say: (LogLevel, String) -> Void
  /// Names of the servers, by node.
  var servers: [String] = []
  /// False with `retry_limit no_retries`.
  var mayRetry = true
  private var told: [Topic: Told] = [:]
  private var isRefusalTold = false
  /// The last thing that went wrong, for whoever sums up.
  private(set) var lastTrouble = ""

  private struct Told {
    var at: Int64
    var untold = 0
  }

  private enum Topic: Hashable {
    case failing(Int), denied(Int), givenUp, refused, lettersFailed
    case spoolFailed, spoolFull, strange, dropped, noLetters
    case shed(String), dead(String)
  }
  /// Kinds of dead letters that are told apart.
  private static let topicsMax = 64

  init(_ output: String, _ say: @escaping (LogLevel, String) -> Void = DeliveryNews.log) {
    self.output = output
    self.say = say
  }

  static func log(_ level: LogLevel, _ line: String) {
    switch level {
    case .error: Log.error(line)
    case .warn: Log.warn(line)
    default: Log.info(line)
    }
  }

  mutating func tell(_ event: DeliveryEvent, at now: Int64) {
    switch event {
    case .failing(let node, let message, let failures):
      lastTrouble = message
      guard isDue(.failing(node), now) else { return }
      let what = mayRetry ? (failures == 1 ? "; trying again" : ", trying on") : ""
      line(
        .warn,
        "\(server(node)): \(message)"
          + (failures == 1 ? what : "; \(failures) failures in a row\(what)"))
    case .denied(let node, let message):
      lastTrouble = message
      guard isDue(.denied(node), now) else { return }
      line(
        .error,
        "\(server(node)) refuses us: \(message)"
          + (mayRetry ? "; the data are kept and it is tried again" : ""))
    case .recovered(let node):
      told[.failing(node)] = nil
      told[.denied(node)] = nil
      line(.info, "\(server(node)) works again")
    case .itemsRefused(let node, let items, let message):
      lastTrouble = message
      guard let all = due(.refused, items, now) else { return }
      isRefusalTold = true
      line(
        .warn,
        "\(server(node)) does not take \(all) records for now, trying again: \(message)")
    case .itemsTaken(let node):
      guard isRefusalTold else { return }
      isRefusalTold = false
      told[.refused]?.untold = 0
      line(.info, "\(server(node)) takes all records again")
    case .givenUp(let items, let message):
      lastTrouble = message
      guard let all = due(.givenUp, items, now) else { return }
      line(.error, "\(all) records given up (retry_limit): \(message)")
    case .dropped(let items):
      guard let all = due(.dropped, items, now) else { return }
      line(
        .warn,
        "the oldest that wait are dropped, \(all) records now: see mem_buf_limit and "
          + "storage.type memrb of their input")
    case .strangeDuplicates(let items):
      guard let all = due(.strange, items, now) else { return }
      line(
        .warn,
        "the server had \(all) records before they were sent for the first time: other "
          + "records have their ids, or somebody else sends the same; counted as "
          + OutputCounterNames.firstAttemptDuplicates)
    case .spoolFailed, .spoolFull, .shed, .lettersFailed, .lettersWork: tellStorage(event, now)
    }
  }

  private mutating func tellStorage(_ event: DeliveryEvent, _ now: Int64) {
    switch event {
    case .spoolFailed(let message):
      guard isDue(.spoolFailed, now) else { return }
      line(.error, "the spool cannot be written: \(message); streams wait")
    case .spoolFull:
      guard isDue(.spoolFull, now) else { return }
      line(
        .warn,
        "the spool is full (storage.total_limit_size); streams wait until the server takes "
          + "something")
    case .shed(let items, let folder, let option):
      guard let all = due(.shed(folder), items, now) else { return }
      line(.warn, "\(folder) is full and sheds its oldest, \(all) records now: see \(option)")
    case .lettersFailed(_, let message):
      lastTrouble = "the dead letters cannot be written: \(message)"
      guard isDue(.lettersFailed, now) else { return }
      line(
        .error,
        "the dead letters cannot be written: \(message); what the server refused waits, "
          + "and is tried again")
    case .lettersWork:
      guard told.removeValue(forKey: .lettersFailed) != nil else { return }
      line(.info, "the dead letters are written again")
    default: break
    }
  }

  /// One sample of each kind of dead letter.
  mutating func tellDead(_ item: DeadItem, count: Int, at now: Int64) {
    guard hasRoom(for: .dead(item.type)), let all = due(.dead(item.type), count, now) else {
      return
    }
    line(.warn, "\(all) records to the dead letters, such as \(sample(item))")
  }

  /// Dead items that nothing keeps.
  mutating func tellDropped(_ item: DeadItem?, count: Int, _ why: String, at now: Int64) {
    guard let all = due(.noLetters, count, now) else { return }
    let such = item.map { ", such as \(sample($0))" } ?? ""
    line(.error, "\(all) records that the server refused are dropped (\(why))\(such)")
  }

  /// What was counted and not told yet, at the end.
  mutating func tellRest() {
    func take(_ isMeant: (Topic) -> Bool) -> Int {
      var count = 0
      for topic in told.keys where isMeant(topic) {
        count += told[topic]?.untold ?? 0
        told[topic]?.untold = 0
      }
      return count
    }
    let dead = take { if case .dead = $0 { true } else { false } }
    if dead > 0 { line(.warn, "\(dead) more records went to the dead letters") }
    let shed = take { if case .shed = $0 { true } else { false } }
    if shed > 0 { line(.warn, "\(shed) more records were shed") }
    let dropped = take { $0 == .noLetters }
    if dropped > 0 { line(.error, "\(dropped) more records that the server refused were dropped") }
    let givenUp = take { $0 == .givenUp }
    if givenUp > 0 { line(.error, "\(givenUp) more records were given up (retry_limit)") }
  }

  private func sample(_ item: DeadItem) -> String {
    "\(item.status) \(item.type)\(item.place.isEmpty ? "" : " in \(item.place)"): \(item.reason)"
  }

  private func line(_ level: LogLevel, _ text: String) { say(level, "output \(output): \(text)") }

  private func server(_ node: Int) -> String {
    servers.indices.contains(node) ? servers[node] : "server \(node)"
  }

  private func hasRoom(for topic: Topic) -> Bool {
    told.count < DeliveryNews.topicsMax || told[topic] != nil
  }

  private mutating func isDue(_ topic: Topic, _ now: Int64) -> Bool { due(topic, 1, now) != nil }

  /// The number to tell, if the time for the next line about a topic has come.
  private mutating func due(_ topic: Topic, _ count: Int, _ now: Int64) -> Int? {
    let last = told[topic]
    let all = count + (last?.untold ?? 0)
    if let last, now - last.at < DeliveryNews.intervalSeconds * 1_000_000_000 {
      told[topic] = Told(at: last.at, untold: all)
      return nil
    }
    told[topic] = Told(at: now)
    return all
  }
}
