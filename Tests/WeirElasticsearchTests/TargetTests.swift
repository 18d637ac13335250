import Testing
import WeirConfig
import WeirStage
import WeirTestSupport

@testable import WeirPluginHost

/// Where requests go, and what is refused.
@Suite("the request of a bulk output")
struct TargetTests {
  private func header(_ target: CarriedTarget, _ name: String) -> String? {
    target.headers.first { $0.name == name }?.value
  }

  @Test("without options: 127.0.0.1:9200, /_bulk, NDJSON")
  func plain() throws {
    let target = try Plugin.output().target
    #expect(target.method == "POST" && target.path == "/_bulk")
    #expect(target.host == "127.0.0.1" && target.port == 9200 && target.usesTLS == nil)
    #expect(header(target, "Content-Type") == "application/x-ndjson")
    #expect(header(target, "Content-Encoding") == nil && header(target, "Authorization") == nil)
    #expect(target.encoding == .identity && !target.isOrdered && target.nodes.isEmpty)
  }

  static let paths: [(options: [(String, String)], path: String)] = [
    ([("path", "/es/prefix"), ("pipeline", "geo")], "/es/prefix/_bulk?pipeline=geo"),
    ([("path", "es/")], "/es/_bulk"), ([("path", "/")], "/_bulk"),
    ([("pipeline", "a b&c=d")], "/_bulk?pipeline=a%20b%26c%3Dd"),
    ([("path", "/a?b c\r\nX: y")], "/a%3Fb%20c%0D%0AX:%20y/_bulk"),
  ]

  @Test("path and pipeline", arguments: paths)
  func path(options: [(String, String)], path: String) throws {
    #expect(try Plugin.output(options).target.path == path)
  }

  static let authorizations: [(options: [(String, String)], value: String)] = [
    ([("http_user", "elastic"), ("http_passwd", "s3cr:et")], "Basic ZWxhc3RpYzpzM2NyOmV0"),
    ([("http_user", "u")], "Basic dTo="),
    ([("http_api_key", "YWJjOmRlZg==")], "ApiKey YWJjOmRlZg=="),
    ([("cloud_auth", "elastic:s3cr:et")], "Basic ZWxhc3RpYzpzM2NyOmV0"),
    ([("http_user", "u"), ("http_api_key", "k"), ("cloud_auth", "a:b")], "Basic dTo="),
  ]

  @Test("authorization", arguments: authorizations)
  func authorization(options: [(String, String)], value: String) throws {
    let target = try Plugin.output(options).target
    #expect(header(target, "Authorization") == value)
    #expect(target.headers.first { $0.name == "Authorization" }?.isSecret == true)
  }

  @Test("host, port and compress")
  func address() throws {
    let target = try Plugin.output([
      ("host", "es.example"), ("port", "9243"), ("compress", "gzip"),
    ]).target
    #expect(target.host == "es.example" && target.port == 9243)
    #expect(target.encoding == .gzip && header(target, "Content-Encoding") == "gzip")
  }

  @Test("an Elastic Cloud id gives host, port 443 and TLS")
  func cloud() throws {
    // europe-west1.gcp.cloud.es.io$0123abc$4567def
    let id = "prod:ZXVyb3BlLXdlc3QxLmdjcC5jbG91ZC5lcy5pbyQwMTIzYWJjJDQ1NjdkZWY="
    let target = try Plugin.output([("cloud_id", id)]).target
    #expect(target.host == "0123abc.europe-west1.gcp.cloud.es.io")
    #expect(target.port == 443 && target.usesTLS == true)
    // host.example:9243$abc$def
    let other = try Plugin.output([("cloud_id", "x:aG9zdC5leGFtcGxlOjkyNDMkYWJjJGRlZg==")]).target
    #expect(other.host == "abc.host.example" && other.port == 9243)
  }

  @Test("ids that may be written again keep requests in order")
  func ordered() throws {
    for operation in ["index", "update", "upsert"] {
      let options = [("id_key", "id"), ("write_operation", operation)]
      #expect(try Plugin.output(options).target.isOrdered)
    }
    #expect(try !Plugin.output([("id_key", "id")]).target.isOrdered)
    #expect(
      try !Plugin.output([("generate_id", "on"), ("write_operation", "index")]).target.isOrdered)
  }

  @Test("an upstream file gives servers with their own connection, path and user")
  func upstream() throws {
    let folder = TemporaryFolder()
    let file = folder.write(
      "up.conf",
      """
      [UPSTREAM]
          name pair
      [NODE]
          name one
          host es1
          port 9200
      [NODE]
          name two
          host es2
          port 9201
          tls on
          tls.verify off
          http_user ann
          path /two

      """)
    let target = try Plugin.output([("upstream", file), ("http_user", "u")]).target
    #expect(target.nodes.map(\.name) == ["one", "two"])
    #expect(
      target.nodes.map(\.host) == ["es1", "es2"] && target.nodes.map(\.port) == [9200, 9201])
    #expect(target.nodes[0].path == "/_bulk" && target.nodes[1].path == "/two/_bulk")
    #expect(
      target.nodes[1].options.map { "\($0.key)=\($0.value)" } == ["tls=on", "tls.verify=off"])
    let values = target.nodes.map { node in
      node.headers.first { $0.name == "Authorization" }?.value
    }
    #expect(values == ["Basic dTo=", "Basic YW5uOg=="])
    let wrong = folder.write(
      "bad.conf",
      "[UPSTREAM]\n    name u\n[NODE]\n    name a\n    host h\n    port 1\n    index x\n")
    expectRefused([("upstream", wrong)], "bad.conf:7")
    expectRefused([("upstream", folder.path + "/none")], "/none")
    let empty = folder.write("empty.conf", "[UPSTREAM]\n    name x\n")
    expectRefused([("upstream", empty)], "and [NODE]s")
  }

  private func expectRefused(_ options: [(String, String)], _ words: String, type: String = "es") {
    do {
      _ = try Plugin.output(options, type: type)
      Issue.record("\(options) passed")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
    }
  }

  static let refused: [(options: [(String, String)], words: String)] = [
    ([("aws_auth", "on")], "test.conf:2:5: es.0: aws_auth: requests are not signed"),
    ([("write_operation", "update")], "set id_key or generate_id"),
    ([("write_operation", "delete")], "accepted is create, index, update, upsert"),
    ([("compress", "zstd")], "accepted is gzip"), ([("cloud_id", "x")], "NAME:BASE64"),
    ([("cloud_id", "x:aG9zdA==")], "NAME:BASE64"), ([("cloud_auth", "x")], "USER:PASSWORD"),
    ([("http_user", "a:b")], "colon"), ([("http_api_key", "a b")], "no key has"),
    ([("buffer_size", "big")], "no size"), ([("index", "")], "it is empty"),
    ([("id_key", "$a['b")], "id_key"),
    ([("logstash_format", "on"), ("logstash_prefix_key", "$a[")], "logstash_prefix_key"),
    ([("port", "0")], "from 1 to 65535"),
  ]

  @Test("what cannot work is refused at its place", arguments: refused)
  func refusals(options: [(String, String)], words: String) {
    expectRefused(options, words)
  }

  @Test("options of aws_auth are taken without effect while it is off, and the check says so")
  func signingIsOff() throws {
    let keys = [
      "aws_region", "aws_sts_endpoint", "aws_role_arn", "aws_external_id", "aws_service_name",
      "aws_profile",
    ]
    _ = try Plugin.output(keys.map { ($0, "x") } + [("aws_auth", "off")])
    for key in keys {
      let option = Plugin.host.schemas.schema(.output, "es")?.option(key)
      #expect(option?.optionClass == .noCounterpart("it belongs to aws_auth"), "\(key)")
    }
    expectRefused([("aws_auth", "on"), ("aws_region", "eu")], "aws_auth: requests are not signed")
  }

  @Test("opensearch has no Elastic Cloud, API key or upstream")
  func openSearchOptions() {
    let names = Plugin.host.schemas.schema(.output, "opensearch")?.options.map(\.name) ?? []
    #expect(names.contains("aws_auth") && names.contains("generate_id"))
    for name in ["cloud_id", "cloud_auth", "http_api_key", "upstream"] {
      #expect(!names.contains(name))
    }
  }

  @Test("connection options work on it, because the host connects")
  func network() throws {
    let schema = try #require(Plugin.host.schemas.schema(.output, "es"))
    #expect(schema.usesNetwork)
    #expect(schema.option("tls.verify")?.optionClass == .works)
    #expect(schema.option("host")?.defaultText == "127.0.0.1")
    #expect(schema.option("http_passwd")?.isSecret == true)
  }

  @Test("the plugin keeps the contract of plugins")
  func contract() {
    for options in [
      [], [("generate_id", "on")], [("id_key", "$k"), ("write_operation", "upsert")],
    ] {
      let report = ContractCheck.run(file: Plugin.file, options: options.map { ($0.0, $0.1) })
      #expect(report.isClean, "\(options): \(report.text)")
    }
  }
}
