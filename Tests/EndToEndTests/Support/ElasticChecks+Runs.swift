import Glibc
import Testing

extension ElasticChecks {
  /// The logs of a node are found by nested fields and by their text.
  func nodeLogs() throws {
    let node = try #require(SampleNode(), "no node recordings: set WEIR_SHARED")
    let job = Job("node")
    let output = output(index: "node").map { option in
      let parts = option.split(separator: " ", maxSplits: 1)
      return "\(parts[0]): '\(parts[1])'"
    }
    let engine = try job.start(node.pipeline(job, output: output), isYAML: true)
    #expect(server.waitForCount("node", node.count) == node.count, "\(engine.lastWords)")
    for pod in node.pods {
      let label = #"kubernetes.labels.app.keyword:"\#(pod.app)""#
      #expect(server.count("node", label) == pod.count, "\(pod.app)")
    }
    let api = node.pods[0]
    let lines = Files.text(api.path).split(separator: "\n")
    let random = lines.count { $0.contains("Returning random number") }
    let text = #"kubernetes.labels.app:numbers AND log:"returning random number""#
    #expect(server.count("node", text) == random)
    let properties = server.call("GET", "/node/_mapping")["node"]["mappings"]["properties"]
    #expect(properties["@timestamp"]["type"].string == "date")
    let fields = server.call("GET", "/node/_field_caps?fields=*")["fields"]
    let wanted = [
      "@timestamp", "log", "stream", "kubernetes.pod_name", "kubernetes.namespace_name",
      "kubernetes.labels.app", "kubernetes.labels.tier", "kubernetes.container_name",
    ]
    for field in wanted { #expect(fields[field] != .null, "\(field) is not in _field_caps") }
    #expect(fields["@timestamp"]["date"]["searchable"] == .bool(true))
    let first = server.call(
      "POST", "/node/_search",
      #"{"size":1,"sort":["@timestamp"],"query":{"match":{"kubernetes.container_name":"api"}}}"#)
    let stamp = first["hits"]["hits"][0]["_source"]["@timestamp"].string
    #expect(stamp == lines.first.map { $0.prefix(23) + "Z" })
    #expect(engine.stop() == 0, "\(engine.lastWords)")
  }

  /// Killed every 2 s while lines are written and rotated: one document for each line.
  func killed() throws {
    let job = Job("killed")
    let seconds = Settings.isFull ? 60.0 : 9.0
    let flood = flood(job, seconds: seconds, pods: EndToEnd.Outage.pods)
    let configuration = configuration(job, index: "killed", output: ["generate_id on"])
    flood.start()
    let end = Clock.now() + seconds - 1
    var kills = 0
    while Clock.now() < end {
      let engine = try job.start(configuration, name: "run")
      // Not always at the same moment between two flushes.
      Clock.sleep(1.9 + Double(kills * 37 % 200) / 1000)
      kills += 1
      #expect(engine.isRunning, "\(engine.lastWords)")
      engine.killHard()
    }
    let last = try job.start(configuration, name: "last")
    let counts = flood.wait()
    let total = counts.values.reduce(0, +)
    #expect(server.waitForCount("killed", total) == total, "\(last.lastWords)")
    Clock.sleep(1)
    expectLines("killed", counts, last.lastWords)
    #expect(last.stop() == 0, "\(last.lastWords)")
  }

  /// An index that takes no writes for a while.
  func blocked() throws {
    let job = Job("blocked")
    server.call("PUT", "/blocked")
    let flood = flood(job, seconds: 6, pods: ["red", "green"])
    flood.start()
    let engine = try job.start(configuration(job, index: "blocked"))
    Clock.sleep(2)
    server.call("PUT", "/blocked/_settings", #"{"index.blocks.write":true}"#)
    Clock.sleep(3)
    let halted = server.count("blocked")
    let counts = flood.wait()
    #expect(server.count("blocked") == halted)
    server.call("PUT", "/blocked/_settings", #"{"index.blocks.write":false}"#)
    let total = counts.values.reduce(0, +)
    #expect(halted < total)
    #expect(server.waitForCount("blocked", total) == total, "\(engine.lastWords)")
    Clock.sleep(1)
    expectLines("blocked", counts, engine.lastWords)
    #expect(engine.stop() == 0, "\(engine.lastWords)")
  }

  /// Every thousandth document conflicts with the mapping until that is mended.
  func conflicting() throws {
    let job = Job("conflict")
    let strict = #"{"properties":{"trap":{"type":"date","format":"strict_date""#
    server.call("PUT", "/conflict", #"{"mappings":\#(strict)}}}}"#)
    let flood = flood(job, seconds: 5, pods: ["red", "green"])
    flood.start()
    let engine = try job.start(configuration(job, index: "conflict"))
    let counts = flood.wait()
    let refused = counts.values.reduce(0) { $0 + $1 / 1000 }
    let total = counts.values.reduce(0, +)
    #expect(server.waitForCount("conflict", total - refused) == total - refused)
    #expect(engine.stop() == 0, "\(engine.lastWords)")
    #expect(server.count("conflict") == total - refused)
    let box = DeadLetterBox(job)
    let letters = box.letters()
    for (key, count) in counts {
      #expect(box.numbers(letters, of: key) == (0..<(count / 1000)).map { ($0 + 1) * 1000 })
    }
    #expect(letters.allSatisfy { $0["reason"].string?.contains("trap") == true })
    server.call("PUT", "/conflict/_mapping", strict + #","ignore_malformed":true}}}"#)
    let replayed = box.replay()
    #expect(replayed.status == 0, "\(replayed.text)")
    #expect(server.waitForCount("conflict", total) == total, "\(replayed.text)")
    expectLines("conflict", counts, replayed.text)
    #expect(box.letters().isEmpty)
  }

  /// A data stream takes nothing but `create`.
  func dataStream() throws {
    let job = Job("stream")
    server.call(
      "PUT", "/_index_template/streams",
      #"{"index_patterns":["streams-*"],"data_stream":{},"priority":200}"#)
    let flood = flood(job, seconds: 3, pods: ["red", "green"])
    flood.start()
    let engine = try job.start(
      configuration(job, index: "streams-test", output: ["generate_id on"]))
    let counts = flood.wait()
    let total = counts.values.reduce(0, +)
    #expect(server.waitForCount("streams-test", total) == total, "\(engine.lastWords)")
    expectLines("streams-test", counts, engine.lastWords)
    let stream = server.call("GET", "/_data_stream/streams-test")["data_streams"][0]
    #expect(stream["timestamp_field"]["name"].string == "@timestamp")
    server.call("POST", "/streams-test/_rollover")
    #expect(engine.stop() == 0, "\(engine.lastWords)")
  }
}
