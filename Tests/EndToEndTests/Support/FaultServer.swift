import Glibc
import Testing

/// The server that plays Elasticsearch, counts what it is sent and misbehaves on demand: see
/// Tests/FaultServer/README.md.
final class FaultServer {
  let port: Int
  private let control: Int
  private let companion: Companion

  /// Where the build has left it: beside the engine, else in the debug build.
  static let executable: String = {
    let folder = Settings.executable.split(separator: "/", omittingEmptySubsequences: false)
      .dropLast().joined(separator: "/")
    let places = [folder, Settings.root + "/.build/release", Settings.root + "/.build/debug"]
    let programs = places.map { place in place + "/weir-faultserver" }
    return programs.first { program in access(program, X_OK) == 0 } ?? programs[0]
  }()

  init(in scratch: Scratch) throws {
    let command = [Self.executable]
    companion = try #require(
      Companion(command, in: scratch.path, name: "faultserver"), "\(Self.executable) is missing")
    var words: [Substring] = []
    _ = Clock.wait(10) { [companion] in
      words = companion.output.split { $0 == " " || $0 == "\n" }
      return words.count == 4
    }
    try #require(words.count == 4, "\(companion.output)")
    port = try #require(Int(words[1]))
    control = try #require(Int(words[3]))
  }

  /// Sets exactly these faults (`status=503&seconds=8`); none clears them.
  func setFaults(_ query: String = "") {
    let reply = HTTPCall.send("PUT", "/_faults?\(query)", port: control)
    #expect(reply?.status == 200, "no such fault: \(query)")
  }

  func reset() { _ = HTTPCall.send("POST", "/_reset", port: control) }

  func stats() -> Stats {
    Stats(HTTPCall.send("GET", "/_stats", port: control)?.json ?? .null)
  }

  /// What was counted since the start or the last reset; the names are the server's.
  struct Stats {
    let json: JSONText

    init(_ json: JSONText) { self.json = json }

    subscript(_ name: String) -> Int { json[name].int ?? -1 }

    /// What is known of one writer's lines: `distinct`, `highest`, `duplicates`, `rejected`.
    func stream(_ key: String) -> JSONText {
      json["streams"].elements.first { $0["key"].string == key } ?? .null
    }

    var summary: String {
      json.keys.filter { (json[$0].int ?? 0) != 0 }.map { "\($0) \(self[$0])" }
        .joined(separator: ", ")
    }
  }

  /// What is wrong with what has arrived, when each writer has written so many lines; empty when
  /// every line is there, whole and (unless they are allowed) once.
  func verdict(expecting counts: [String: Int], allowsRepeats: Bool = false) -> [String] {
    let stats = stats()
    var problems: [String] = []
    for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
      let distinct = stats.stream(key)["distinct"].int ?? 0
      if stats.stream(key)["highest"].int ?? 0 > count { problems.append("\(key): too many") }
      guard distinct != count else { continue }
      let missing = HTTPCall.send("GET", "/_missing?stream=\(key)&to=\(count)", port: control)
      let ranges = missing?.body.split(separator: "\n").prefix(5).joined(separator: ", ") ?? ""
      problems.append("\(key): \(distinct) of \(count) lines, without \(ranges)")
    }
    let never = ["broken", "malformed", "out_of_range", "extra_members", "other", "expects"]
    for name in never + (allowsRepeats ? [] : ["duplicates"]) where stats[name] != 0 {
      let twice = stats.json["twice"].elements.compactMap(\.string).joined(separator: ", ")
      problems.append("\(stats[name]) \(name)" + (name == "duplicates" ? ": \(twice)" : ""))
    }
    return problems
  }

  /// Waits until every line is there, or nothing new has come for a while; then the verdict. The
  /// longest pause between two tries of a body is 30 s.
  func settledVerdict(
    expecting counts: [String: Int], allowsRepeats: Bool = false, quiet: Double = 40,
    within seconds: Double = 120
  ) -> [String] {
    let total = counts.values.reduce(0, +)
    var seen = -1
    var since = Clock.now()
    _ = Clock.wait(seconds) {
      let distinct = stats()["distinct"]
      if distinct != seen {
        seen = distinct
        since = Clock.now()
      }
      Clock.sleep(0.1)
      return distinct >= total || Clock.now() - since > quiet
    }
    return verdict(expecting: counts, allowsRepeats: allowsRepeats)
  }
}
