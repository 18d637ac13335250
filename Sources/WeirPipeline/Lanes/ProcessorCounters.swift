import WeirStage
import WeirTelemetry

/// Counters of processors and parallel stages, made once and shared by all lanes.
struct ProcessorCounters {
  let parallel: [[StageCounters]]
  let input: [[StageCounters]]
  let routes: [[[StageCounters]]]
  let output: [[StageCounters]]

  init(_ graph: PipelineGraph, _ telemetry: Telemetry) {
    func make(_ owner: String, _ processors: [PipelineGraph.Processor]) -> [StageCounters] {
      processors.map { telemetry.stage(.filter, "\(owner)/\($0.name)") }
    }
    parallel = graph.inputs.map { node in
      node.input.parallelStages.map { _ in telemetry.stage(.filter, "\(node.name)/parser") }
    }
    input = graph.inputs.map { make($0.name, $0.processors) }
    routes = graph.inputs.map { node in
      node.routes.map { make("\(node.name)/\($0.name)", $0.processors) }
    }
    output = graph.outputs.map { make($0.name, $0.processors) }
  }

  func open(
    _ processors: [PipelineGraph.Processor], _ counters: [StageCounters], _ lane: LaneContext
  ) -> [LaneFilter] {
    ProcessorCounters.open(processors, counters, lane)
  }

  static func open(
    _ processors: [PipelineGraph.Processor], _ counters: [StageCounters], _ lane: LaneContext
  ) -> [LaneFilter] {
    zip(processors, counters).map { LaneFilter(lane: $0.filter.openLane(lane), counters: $1) }
  }
}
