/// A workload: a corpus, the pipeline that reads it, and the floor that does the same work.
struct Scenario {
  let name: String
  let corpus: String
  let sizeMiB: Int
  /// A file in Benchmarks/pipelines.
  let pipeline: String
  let floorMode: String
  /// The engine's CPU over the floor's, at most; nil where no figure is asked for.
  var ratioMax: Double?
  /// Peak memory in MiB, at most.
  var peakMiBMax = 80
  /// The engine is run once with each of these numbers of work lanes; 0 leaves it to the engine.
  var lanes = [0]
  /// The throughput of the last of `lanes` over the first one's, at least.
  var speedupMin: Double?
  /// The pipeline writes `out.jsonl`, with one line for each whole CRI line of the corpus.
  var writesRecords = false
  /// The pipeline delivers to a sink, one document for each whole CRI line of the corpus.
  var delivers = false

  static let all = [
    Scenario(
      name: "cri-null", corpus: "cri", sizeMiB: 256, pipeline: "cri-null.conf",
      floorMode: "cri-null", ratioMax: 4.0),
    Scenario(
      name: "cri-file-plain", corpus: "cri", sizeMiB: 256, pipeline: "cri-file-plain.conf",
      floorMode: "cri-json-file", ratioMax: 1.6, writesRecords: true),
    Scenario(
      name: "cri-es-gzip", corpus: "cri", sizeMiB: 256, pipeline: "cri-es-gzip.conf",
      floorMode: "cri-bulk-gzip", ratioMax: 2.0, peakMiBMax: 96, delivers: true),
    Scenario(
      name: "regex-null", corpus: "cri-nginx", sizeMiB: 1024, pipeline: "regex-null.conf",
      floorMode: "cri-null", lanes: [1, 2], speedupMin: 1.6),
    Scenario(
      name: "blank-null", corpus: "blank", sizeMiB: 64, pipeline: "blank-null.conf",
      floorMode: "plain-null"),
    Scenario(
      name: "json-null", corpus: "json", sizeMiB: 256, pipeline: "json-null.conf",
      floorMode: "plain-null"),
    Scenario(
      name: "docker-null", corpus: "docker", sizeMiB: 256, pipeline: "docker-null.conf",
      floorMode: "plain-null"),
    Scenario(
      name: "java-null", corpus: "java", sizeMiB: 256, pipeline: "java-null.conf",
      floorMode: "plain-null"),
  ]
}
