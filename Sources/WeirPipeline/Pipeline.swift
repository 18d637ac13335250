import Dispatch
import Glibc
import Synchronization
import WeirBatch
import WeirDelivery
import WeirRing
import WeirStage
import WeirSystem
import WeirTelemetry

/// A running pipeline: input lanes, the ring, work lanes, output queues and the ledger between
/// them.
///
/// Any thread may call `stop` and `report`; everything else happens on the queues it owns.
public final class Pipeline: @unchecked Sendable {
  public let settings: PipelineSettings
  public let telemetry = Telemetry()
  public let ledger = Ledger()
  public let ring: Ring
  public let budget: MemoryBudget
  private let graph: PipelineGraph
  private let router: Router
  private let parse: ParseStage
  private let runners: [any OutputRoute]
  private let gates: [OutputGate]
  private var hosts: [InputHost] = []
  private var lanes: [WorkLane] = []
  private let streamNumbers = Atomic<UInt64>(0)
  private let stopping = Atomic<Bool>(false)
  private let control = DispatchQueue(label: "weir.control")
  private var flushTimer: (any DispatchSourceTimer)?
  // Written while the control queue is held in `start`, read on it.
  private var startedOutputs = 0
  private var startedInputs = 0
  private var isSealing: [Bool] = []  // control queue; per input, while its lane is asked to seal
  private let stopped = DispatchSemaphore(value: 0)
  /// Called on the control queue after inputs have stopped and before the process ends: the last
  /// chance to store checkpoints.
  public var onDrained: (() -> Void)?

  /// Builds the running parts; starts nothing.
  public init(_ graph: PipelineGraph, _ settings: PipelineSettings = PipelineSettings()) {
    self.graph = graph
    self.settings = settings
    budget = MemoryBudget(limitBytes: settings.budgetBytes)
    ring = Ring(slotCount: settings.slotCount, slotBytes: settings.slotBytes, budget: budget)
    router = Router(
      filters: graph.filters.map(\.rule), outputs: graph.outputs.map(\.rule),
      mayReachAll: graph.rewritesTags)
    parse = ParseStage(
      ring: ring, ledger: ledger, budget: budget,
      recordsMax: graph.scannedRecordsMax(settings.batchLimits))
    let gates = graph.outputs.map { _ in OutputGate(limitBytes: settings.outputCreditBytes) }
    self.gates = gates
    let telemetry = telemetry
    let ledger = ledger
    runners = graph.outputs.enumerated().map { index, node in
      let counters = telemetry.stage(.output, node.name, extra: node.stage.counterNames)
      switch node.stage {
      case .ordered(let output):
        return OutputRunner(
          index: index, output: output, gate: gates[index], counters: counters, ledger: ledger,
          retry: RetryPolicy(limit: node.retryLimit))
      case .carried(let output, let setup):
        return CarriedRunner(
          index: index, output: output, setup: setup, gate: gates[index], counters: counters,
          ledger: ledger)
      }
    }
    makeHosts()
    makeLanes()
  }

  private func makeHosts() {
    for (index, node) in graph.inputs.enumerated() {
      let host = InputHost(
        queue: DispatchQueue(label: "weir.input.\(node.name)"), index: index, name: node.name,
        counters: telemetry.stage(.input, node.name, extra: InputCounterNames.all),
        ledger: ledger, budget: budget, ring: ring, gates: gates, limits: node.limits,
        makeStream: { [unowned self] tag, path in
          let plan = router.plan(tag, reachingAll: !node.routes.isEmpty)
          let id = streamNumbers.wrappingAdd(1, ordering: .relaxed).newValue
          return Stream(
            id: id, inputIndex: index, plan: plan, path: path, decoder: node.input.decoder)
        },
        requestStop: { [weak self] reason in self?.stop(reason) })
      host.bind(node.input)
      hosts.append(host)
      isSealing.append(false)
    }
  }

  private func makeLanes() {
    let target = DispatchQueue(label: "weir.lanes", attributes: .concurrent)
    let filterCounters = graph.filters.map { telemetry.stage(.filter, $0.name) }
    let processorCounters = ProcessorCounters(graph, telemetry)
    let routePlans = graph.inputs.map { node in
      node.routes.map { router.plan(route: Array($0.name.utf8), outputs: $0.outputs) }
    }
    let shares = hosts.map(\.share)
    for index in 0..<settings.lanes {
      let lane = LaneContext(index: index)
      let program = LaneProgram(
        inputStages: graph.inputs.enumerated().map { i, node in
          node.input.parallelStages.enumerated().map { s, stage in
            LaneFilter(lane: stage.openLane(lane), counters: processorCounters.parallel[i][s])
          } + processorCounters.open(node.processors, processorCounters.input[i], lane)
        },
        routes: graph.inputs.enumerated().map { i, node in
          node.routes.isEmpty
            ? nil
            : laneRoutes(node, routePlans[i], processorCounters.routes[i], lane)
        },
        filters: zip(graph.filters, filterCounters).map {
          LaneFilter(lane: $0.filter.openLane(lane), counters: $1)
        },
        outputs: zip(graph.outputs, runners).enumerated().map { i, pair in
          LaneOutput(
            runner: pair.1, lane: encoder(pair.1, lane, shares),
            processors: processorCounters.open(
              pair.0.processors, processorCounters.output[i], lane))
        },
        inputs: hosts.map(\.counters), router: router, ledger: ledger, ring: ring,
        limits: settings.batchLimits)
      lanes.append(
        WorkLane(
          index: index, target: target, parse: parse,
          work: LaneWork(limits: settings.batchLimits, outputCount: graph.outputs.count),
          program: program, kickOthers: { [weak self] in self?.kick() }))
    }
  }

  private func encoder(
    _ output: any OutputRoute, _ lane: LaneContext, _ shares: [CreditGate?]
  ) -> any OutputLane {
    let encoder = output.openLane(lane)
    return shares.contains { $0 != nil } ? ShareLane(encoder, shares) : encoder
  }

  private func laneRoutes(
    _ node: PipelineGraph.InputNode, _ plans: [TagPlan], _ counters: [[StageCounters]],
    _ lane: LaneContext
  ) -> LaneRoutes {
    let routes = node.routes.enumerated().map { r, route in
      LaneRoutes.Route(
        takes: route.condition?.make(), isDefault: route.isDefault, plan: plans[r],
        processors: ProcessorCounters.open(route.processors, counters[r], lane))
    }
    return LaneRoutes(routes: routes, recordsMax: settings.batchLimits.recordsMax * 2)
  }

  /// Starts an idle lane, if there is one.
  private func kick() {
    for lane in lanes where lane.kick() { return }
  }

  // MARK: Life

  /// Opens outputs, then inputs. Does nothing more once a stop was asked for.
  /// - Throws: what an output or input throws; inputs before it may have been read then.
  public func start() throws {
    // A stop that comes meanwhile, as from an input without data, waits for the end of the start:
    // what it did not see started it would not stop.
    control.suspend()
    defer { control.resume() }
    if stopping.load(ordering: .relaxed) { return }
    // Encoders name keys when lanes are opened, after the configuration was checked.
    if KeyTable.shared.refusedCount > 0 { throw PipelineError.tooManyKeys }
    for runner in runners {
      try runner.start()
      startedOutputs += 1
    }
    parse.onFlushMark = { [runners] sequence in
      for runner in runners { runner.flush(after: sequence) }
    }
    ring.observePublish { [weak self] in self?.kick() }
    for (host, node) in zip(hosts, graph.inputs) where !stopping.load(ordering: .relaxed) {
      var failure: (any Error)?
      host.queue.sync {
        do { try node.input.start(host) } catch { failure = error }
      }
      if let failure { throw failure }
      startedInputs += 1
    }
    let timer = DispatchSource.makeTimerSource(queue: control)
    let interval = Int(settings.flushSeconds * 1e9)
    timer.schedule(
      deadline: .now() + .nanoseconds(interval), repeating: .nanoseconds(interval),
      leeway: .nanoseconds(interval / 20))
    timer.setEventHandler { [unowned self] in flushTick() }
    timer.resume()
    flushTimer = timer
  }

  /// Seals what inputs hold open, then ends the flush interval behind it. An input lane that is
  /// stuck in a slow read delays this once, and is left out until it answers.
  private func flushTick() {
    let group = DispatchGroup()
    for (index, host) in hosts.enumerated() where !isSealing[index] {
      isSealing[index] = true
      host.queue.async(group: group) { [self] in
        host.seal()
        control.async { self.isSealing[index] = false }
      }
    }
    group.notify(queue: control) { [self] in
      if stopping.load(ordering: .relaxed) { return }  // closing flushes, and nothing may after it
      parse.markFlush()
      if parse.settleFlushMarks() { kick() }
    }
  }

  /// Stops gracefully: inputs at once, then what was read drains within the grace period. Any
  /// thread; further calls change nothing.
  public func stop(_ reason: String) {
    guard
      stopping.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
    else { return }
    Log.info("stopping: \(reason)")
    control.async { self.drain() }
  }

  private func drain() {
    flushTimer?.cancel()
    let grace = settings.graceSeconds
    let deadline = Clock.monotonic() + Int64(max(grace, 0)) * 1_000_000_000
    let started = Array(0..<startedInputs)
    let answering = onLanes(started) { node, host in
      node.input.stop()
      host.seal()
    }
    for index in started where !answering.contains(index) {
      Log.warn("input \(hosts[index].name) does not answer, and is left as it is")
    }
    for runner in runners { runner.beginDrain() }
    let hung = started.count - answering.count
    while !isDrained(but: hung), grace < 0 || Clock.monotonic() < deadline { usleep(1_000) }
    let isInTime = isDrained(but: hung)
    for runner in runners { runner.abandon() }
    // A slow disk gets as long again as the servers had.
    let most = grace < 0 ? Pipeline.storeSeconds : grace
    for runner in runners.prefix(startedOutputs) {
      runner.close(withinSeconds: 2, whileProgressing: most)
    }
    _ = onLanes(answering) { node, _ in node.input.finish() }
    onDrained?()
    if !isInTime { Log.warn("the grace period of \(grace) s was over before all was delivered") }
    tellLeft()
    stopped.signal()
  }

  /// Says what became of what was not delivered; losses last.
  private func tellLeft() {
    let left = runners.prefix(startedOutputs).map { ($0.counters.name, $0.leftAtStop) }
    for (name, left) in left where left.spooled > 0 {
      Log.info("output \(name): \(left.spooled) records wait in the spool for the next start")
    }
    for (name, left) in left where left.payloads > 0 {
      Log.warn(
        "output \(name): \(left.payloads) payloads are not delivered; what has a position is read "
          + "again at the next start")
    }
    for (name, left) in left where left.lost > 0 {
      Log.error(
        "output \(name): \(left.lost) records of inputs without a position are lost: they could "
          + "neither be sent nor stored in time")
    }
  }

  /// Seconds to wait for a disk that gets on when `grace` knows no end.
  private static let storeSeconds = 30

  /// Seconds to wait for an input lane at a stop when `grace` knows no end.
  private static let laneWaitSeconds = 30

  /// Does work on the lanes of inputs, at the same time.
  /// - Returns: those that have done it in time; a lane may hang in a read that never ends.
  private func onLanes(
    _ indexes: [Int], _ work: @escaping (PipelineGraph.InputNode, InputHost) -> Void
  ) -> [Int] {
    let done = Locked<[Int]>([])
    let group = DispatchGroup()
    // SAFETY: `work` captures nothing, and its arguments are each lane's own.
    nonisolated(unsafe) let work = work
    for index in indexes {
      hosts[index].queue.async(group: group) { [self] in
        work(graph.inputs[index], hosts[index])
        done.withLock { $0.append(index) }
      }
    }
    let grace = settings.graceSeconds
    _ = group.wait(timeout: .now() + .seconds(grace < 0 ? Self.laneWaitSeconds : max(1, grace)))
    return done.withLock { $0.sorted() }
  }

  /// Everything that was read is finished; lanes that hang may keep a slot each.
  private func isDrained(but hung: Int) -> Bool {
    ring.occupancy.used <= hung && ring.occupancy.waiting == 0 && lanes.allSatisfy(\.isIdle)
      && runners.allSatisfy { $0.undelivered == 0 }
  }

  /// Payloads that wait and bytes under way, per output. Any thread.
  var outputBacklog: [(name: String, payloads: Int, creditBytes: Int)] {
    runners.map { ($0.counters.name, $0.undelivered, $0.gate.usedBytes) }
  }

  /// Waits until a stop has finished.
  public func wait() {
    stopped.wait()
    stopped.signal()
  }
}
