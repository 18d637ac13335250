import Testing

extension EndToEnd {
  static let realServersRun = Settings.delivers && ElasticServer.isThere
  static let realServersMissing: Comment =
    Settings.delivers ? ElasticServer.missing : .init(rawValue: Settings.deliveryMissing)

  @Suite(
    "a real Elasticsearch", .enabled(if: realServersRun, realServersMissing),
    .realServer(.elasticsearch))
  struct RealElasticsearch {
    @Test("a node's logs are found by nested fields and by their text")
    func nodeLogs() throws { try ElasticChecks("es").nodeLogs() }

    @Test("kill -9 every 2 s with rotation: as many documents as lines")
    func killed() throws { try ElasticChecks("es").killed() }

    @Test("an index that takes no writes is tried until it does")
    func blocked() throws { try ElasticChecks("es").blocked() }

    @Test("what a mapping refuses becomes dead letters, and is stored once it is mended")
    func conflicting() throws { try ElasticChecks("es").conflicting() }
  }

  @Suite(
    "a real OpenSearch", .enabled(if: realServersRun, realServersMissing),
    .realServer(.opensearch))
  struct RealOpenSearch {
    @Test("a node's logs are found by nested fields and by their text")
    func nodeLogs() throws { try ElasticChecks("opensearch").nodeLogs() }

    @Test("kill -9 every 2 s with rotation: as many documents as lines")
    func killed() throws { try ElasticChecks("opensearch").killed() }

    @Test("an index that takes no writes is tried until it does")
    func blocked() throws { try ElasticChecks("opensearch").blocked() }

    @Test("what a mapping refuses becomes dead letters, and is stored once it is mended")
    func conflicting() throws { try ElasticChecks("opensearch").conflicting() }

    @Test("a data stream holds every line")
    func dataStream() throws { try ElasticChecks("opensearch").dataStream() }
  }
}
