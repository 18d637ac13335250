import Glibc
import Testing

/// What has to hold against a real server, whichever it is.
struct ElasticChecks {
  let server: ElasticServer
  let plugin: String

  init(_ plugin: String) throws {
    server = try #require(ElasticServer.current)
    self.plugin = plugin
  }

  /// The options of an output to the server.
  func output(index: String, _ extra: [String] = []) -> [String] {
    [
      "name \(plugin)", "match *", "host 127.0.0.1", "port \(server.port)", "index \(index)",
      "suppress_type_name on", "compress gzip",
    ] + extra
  }

  /// Lines of numbered text with the writer and the number as fields of their own; the field
  /// `trap` is there in every thousandth one, as a text that is no date.
  func configuration(_ job: Job, index: String, output extra: [String] = []) -> String {
    let parsers = """
      [PARSER]
          name   numbered
          format regex
          regex  ^(?<writer>\\S+) (?<number>\\d{9}) (?<length>\\d+)
          types  number:integer length:integer

      [PARSER]
          name   thousandth
          format regex
          regex  ^\\S+ (?<trap>\\d{6}000)

      """
    Files.write(parsers, to: job.scratch / "numbered.conf")
    let parse = ["name parser", "match *", "key_name log", "reserve_data on", "preserve_key on"]
    return job.section(
      "SERVICE",
      [
        "flush 0.2", "grace 10", "parsers_file \(job.scratch / "numbered.conf")",
        "storage.path \(job.storage)",
      ])
      + job.section("INPUT", job.tail(path: "\(job.tree.containers)/*.log", tag: "kube.*"))
      + job.section("FILTER", parse + ["parser numbered"])
      + job.section("FILTER", parse + ["parser thousandth"])
      + job.section("OUTPUT", output(index: index, extra))
  }

  func flood(_ job: Job, rate: Int = 1_000_000, seconds: Double, pods: [String]) -> Flood {
    var plan = Flood.Plan()
    plan.rate = rate
    plan.seconds = seconds
    plan.rotateBytes = 1 << 20
    plan.lengthMean = 200
    return Flood(job.tree, pods: pods, plan)
  }

  /// Holds what an index has of each writer against how many lines it wrote: the number of
  /// documents, the least and the greatest number, their sum and the sum of their squares, which
  /// agree for no other set of numbers that a fault could leave.
  func expectLines(_ index: String, _ counts: [String: Int], _ words: String) {
    server.call("POST", "/\(index)/_refresh")
    let query =
      #"{"size":0,"aggs":{"writers":{"terms":{"field":"writer.keyword"},"aggs":{"numbers":"#
      + #"{"extended_stats":{"field":"number"}}}}}}"#
    let reply = server.call("POST", "/\(index)/_search", query)
    let buckets = reply["aggregations"]["writers"]["buckets"].elements
    #expect(buckets.count == counts.count)
    for (key, count) in counts {
      let bucket = buckets.first { $0["key"].string == key } ?? .null
      #expect(bucket["doc_count"].int == count, "\(key)\n\(words)")
      let numbers = bucket["numbers"]
      #expect(numbers["min"].int == 1)
      #expect(numbers["max"].int == count)
      #expect(numbers["sum"].int == count * (count + 1) / 2)
      let squares = count * (count + 1) * (2 * count + 1) / 6
      #expect(numbers["sum_of_squares"].int == squares)
    }
  }
}
