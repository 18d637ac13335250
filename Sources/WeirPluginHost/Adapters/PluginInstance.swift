import CWeirPlugin
import Synchronization
import WeirBatch
import WeirOutputs
import WeirStage
import WeirSystem
import WeirTelemetry

/// One instance of a component, with its lifecycle held to the order of the contract:
/// create, prepare, lanes open, work, drain, lanes closed, destroyed.
final class PluginInstance: @unchecked Sendable {
  /// How long a plugin may take to drain.
  static let drainSeconds = 5

  let component: PluginComponent
  let context: HostContext
  private let lifecycle: weir_lifecycle
  let options: OptionNode  // lives as long as the instance, see HostTable.pointer
  private let handle: UnsafeMutableRawPointer?
  private let lanes = Locked<[Lane]>([])
  private let hasDrained = Atomic<Bool>(false)
  private let lanesShared: Int

  /// A lane of the plugin; several lanes of the host share one where a component takes fewer.
  final class Lane: @unchecked Sendable {
    let state: UnsafeMutableRawPointer?
    let mark: LaneMark
    let turn = Locked<Void>(())
    init(state: UnsafeMutableRawPointer?, mark: LaneMark) {
      self.state = state
      self.mark = mark
    }
  }

  /// Creates and prepares an instance.
  /// - Throws: what the plugin refuses, located in the configuration where an option is to blame.
  init(
    _ component: PluginComponent, isSingleLane: Bool, name: String, options: OptionNode,
    codecs: @escaping CodecSource, json: JSONStyle = JSONStyle(),
    host: UnsafePointer<weir_host> = HostTable.pointer
  ) throws(PluginHostError) {
    guard let lifecycle = component.lifecycle else {
      throw .refused(component: name, what: "the component has no lifecycle")
    }
    self.component = component
    self.lifecycle = lifecycle
    self.options = options
    lanesShared = isSingleLane ? 1 : component.lanesMax
    let context = HostContext(name: name, codecs: codecs, json: json)
    self.context = context
    var error = ErrorStruct.make()
    var made: UnsafeMutableRawPointer?
    let created = context.whileCreating {
      lifecycle.create(host, context.pointer, HostTable.pointer(options), &made, &error)
    }
    handle = made
    guard created == WEIR_OK else {
      isDown.store(true, ordering: .relaxed)
      throw Self.refusal(name, created, error, options)
    }
    var limits = weir_limits()
    limits.struct_size = UInt32(MemoryLayout<weir_limits>.size)
    limits.lanes = UInt32(lanesShared > 0 ? lanesShared : HostContext.lanesMax)
    let batch = BatchLimits()
    limits.records_max = UInt32(batch.recordsMax * 2)
    limits.fields_max = UInt32(batch.fieldsMax)
    limits.scratch_bytes_max = UInt64(batch.scratchBytesMax)
    limits.memory_bytes_max = UInt64(HostContext.memoryBytesMax)
    let prepared = lifecycle.prepare(made, &limits, &error)
    guard prepared == WEIR_OK else {
      takeDown()
      throw Self.refusal(name, prepared, error, options)
    }
  }

  private let isDown = Atomic<Bool>(false)

  deinit {
    drain(seconds: Self.drainSeconds)
    takeDown()
  }

  /// Closes the lanes and destroys the plugin's side; once. Nothing may be at work any more.
  func takeDown() {
    guard !isDown.exchange(true, ordering: .acquiringAndReleasing) else { return }
    for lane in lanes.withLock({ $0 }) { lifecycle.lane_close(handle, lane.state) }
    lifecycle.destroy(handle)
    if context.memoryBytes > 0 {
      Log.warn("\(context.name): the plugin leaves \(context.memoryBytes) bytes behind")
    }
  }

  /// The plugin's own pointer.
  var raw: UnsafeMutableRawPointer? { handle }

  /// Opens a lane, or shares an open one where the component takes no more.
  func openLane(_ index: Int) throws(PluginHostError) -> Lane {
    try lanes.withLock { lanes throws(PluginHostError) in
      let count = lanesShared > 0 ? min(lanesShared, HostContext.lanesMax) : HostContext.lanesMax
      if lanes.count >= count { return lanes[index % count] }
      var error = ErrorStruct.make()
      var state: UnsafeMutableRawPointer?
      let result = lifecycle.lane_open(handle, UInt32(lanes.count), &state, &error)
      guard result == WEIR_OK else {
        throw Self.refusal(context.name, result, error, options)
      }
      let lane = Lane(state: state, mark: context.marks[lanes.count])
      lanes.append(lane)
      return lane
    }
  }

  /// True when two lanes of the host may get the same lane of the plugin.
  var sharesLanes: Bool { lanesShared > 0 }

  /// Has the plugin finish what it holds; once, later calls do nothing.
  @discardableResult
  func drain(seconds: Int) -> Bool {
    guard !isDown.load(ordering: .acquiring),
      !hasDrained.exchange(true, ordering: .acquiringAndReleasing)
    else { return true }
    guard let drain = lifecycle.drain else { return true }
    let begin = Clock.monotonic()
    let deadline = begin + Int64(seconds) * 1_000_000_000
    var error = ErrorStruct.make()
    let result = drain(handle, deadline, &error)
    if result < 0 { Log.warn("\(context.name): drain: \(ErrorStruct.message(error, result))") }
    let isLate = Clock.monotonic() > max(begin, deadline) + 500_000_000
    if isLate { context.breach("drain goes on behind its deadline") }
    return result >= 0 && !isLate
  }

  static func refusal(
    _ name: String, _ result: Int32, _ error: weir_error, _ options: OptionNode
  ) -> PluginHostError {
    let path = ErrorStruct.path(error)
    let message = ErrorStruct.message(error, result)
    guard !path.isEmpty else { return .refused(component: name, what: message) }
    let place = options.node(at: path).map { $0.placeText } ?? ""
    return .refused(component: "\(place)\(name)", what: "\(path): \(message)")
  }
}

extension OptionNode {
  /// The node of a path such as `rules[2].key`; the nearest one above where it ends too early.
  func node(at path: String) -> OptionNode? {
    var node: OptionNode? = nil
    var current = self
    for part in path.split(whereSeparator: { ".[]".contains($0) }) {
      if let index = Int(part), current.value == .list {
        guard index >= 0, index < current.children.count else { break }
        current = current.children[index]
      } else {
        let name = part.lowercased()
        guard let child = current.children.last(where: { $0.key.string.lowercased() == name })
        else { break }
        current = child
      }
      node = current
    }
    return node
  }

  /// `file:line:column: `, or nothing for defaults.
  var placeText: String {
    if line == 0 { return file.count == 0 ? "" : "\(file.string): " }
    return "\(file.string):\(line)" + (column == 0 ? "" : ":\(column)") + ": "
  }
}
