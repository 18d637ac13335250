import CWeirPlugin
import CWeirSystem
import Glibc
import Synchronization
import WeirOutputs
import WeirSystem
import WeirTelemetry

/// The host's side of one plugin instance: what `weir_context *` points at.
///
/// Any thread may call it; what has the tag [control] or [lane] is checked, and a breach is
/// counted, logged once per kind, and answered with `WEIR_E_STATE`.
public final class HostContext: @unchecked Sendable {
  /// Lanes that one instance can have open.
  static let lanesMax = 64
  static let metricsMax = 64
  /// Bytes that one instance may take through `memory_take`.
  public static let memoryBytesMax = 64 << 20

  /// A number that the plugin shows.
  public struct Metric: Sendable {
    /// As the plugin defined it.
    public let name: String
    /// A gauge may fall; a counter only grows.
    public let isGauge: Bool
    /// Its value now.
    public let value: Int64
  }

  /// `redact.0`: what logs call the instance.
  public let name: String
  /// Finds codecs for the plugin.
  let codecs: CodecSource
  /// How the service wants JSON written; what `json/1` writes where a plugin does not choose.
  let json: JSONStyle
  let marks: [LaneMark]
  /// What an input's functions act on; set while the input runs.
  let input = Locked<PluginInputPort?>(nil)
  /// What an output's `ack` and `wake` act on.
  let delivery = DeliveryDesk()
  private let creating = Atomic<UInt>(0)
  private let violations = Atomic<Int>(0)
  private let memory = Locked(Memory())
  private let metricValues: UnsafeMutablePointer<Atomic<Int64>>
  private let metricNames = Locked<[(name: String, isGauge: Bool)]>([])
  private let metricCount = Atomic<Int>(0)
  private let told = Locked<[String]>([])

  private struct Memory {
    var blocks: [UInt: Int] = [:]
    var used = 0
  }

  init(name: String, codecs: @escaping CodecSource, json: JSONStyle = JSONStyle()) {
    self.name = name
    self.codecs = codecs
    self.json = json
    marks = (0..<HostContext.lanesMax).map { _ in LaneMark() }
    metricValues = .allocate(capacity: HostContext.metricsMax)
    for i in 0..<HostContext.metricsMax { (metricValues + i).initialize(to: Atomic(0)) }
  }

  deinit {
    // What the plugin forgot to give back: its instance is destroyed, nobody uses it.
    memory.withLock { memory in
      for block in memory.blocks.keys { free(UnsafeMutableRawPointer(bitPattern: block)) }
    }
    metricValues.deallocate()
  }

  /// What the plugin gets. Valid as long as this object.
  var pointer: OpaquePointer {
    // SAFETY: the instance keeps this object until `destroy` has returned.
    OpaquePointer(Unmanaged.passUnretained(self).toOpaque())
  }

  /// The object behind what a plugin handed back.
  static func of(_ pointer: OpaquePointer?) -> HostContext? {
    guard let pointer else { return nil }
    // SAFETY: made by `pointer` above; the contract says that a plugin hands back nothing else.
    return Unmanaged<HostContext>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  // MARK: Contract

  /// How often the plugin broke the contract.
  public var violationCount: Int { violations.load(ordering: .relaxed) }
  /// The kinds of breaches, in the order of their first time.
  public var violationNotes: [String] { told.withLock { $0 } }

  /// Counts a breach and tells its first time.
  @discardableResult
  func breach(_ what: String) -> Int32 {
    violations.wrappingAdd(1, ordering: .relaxed)
    let isNew = told.withLock { told in
      if told.contains(what) || told.count >= 32 { return false }
      told.append(what)
      return true
    }
    if isNew { Log.warn("\(name): the plugin breaks its contract: \(what)") }
    return WEIR_E_STATE
  }

  /// Runs `create`, inside which metrics, keys and options may be used.
  func whileCreating<Result>(_ body: () -> Result) -> Result {
    creating.store(LaneMark.currentThread, ordering: .relaxed)
    defer { creating.store(0, ordering: .relaxed) }
    return body()
  }

  /// True inside `create`, on its thread.
  var isCreating: Bool { creating.load(ordering: .relaxed) == LaneMark.currentThread }

  /// The mark of the lane that holds this batch on this thread; nil, counted, for any other.
  func mark(_ batch: UnsafeMutablePointer<weir_batch>?, _ function: StaticString) -> LaneMark? {
    if let batch, let mark = marks.first(where: { $0.holds(batch) }) { return mark }
    breach("\(function) with a batch that this call does not have")
    return nil
  }

  // MARK: Metrics

  /// All metrics with their values now.
  public var metrics: [Metric] {
    metricNames.withLock { $0 }.enumerated().map { index, metric in
      Metric(name: metric.name, isGauge: metric.isGauge, value: metricValue(index))
    }
  }

  private func metricValue(_ index: Int) -> Int64 {
    metricValues[index].load(ordering: .relaxed)
  }

  func define(_ name: String, isGauge: Bool) -> UInt32? {
    metricNames.withLock { names in
      guard names.count < HostContext.metricsMax, !names.contains(where: { $0.name == name })
      else { return nil }
      names.append((name, isGauge))
      metricCount.store(names.count, ordering: .releasing)
      return UInt32(names.count - 1) | (isGauge ? HostContext.gaugeBit : 0)
    }
  }

  private static let gaugeBit: UInt32 = 1 << 31

  func record(_ metric: UInt32, _ value: Int64) -> Int32 {
    let index = Int(metric & ~HostContext.gaugeBit)
    guard index < metricCount.load(ordering: .acquiring) else { return WEIR_E_ARGUMENT }
    if metric & HostContext.gaugeBit != 0 {
      metricValues[index].store(value, ordering: .relaxed)
    } else {
      guard value >= 0 else { return WEIR_E_ARGUMENT }
      metricValues[index].wrappingAdd(value, ordering: .relaxed)
    }
    return WEIR_OK
  }

  // MARK: Memory

  /// Bytes that the plugin holds.
  public var memoryBytes: Int { memory.withLock { $0.used } }

  func take(_ bytes: UInt64, _ place: UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Int32 {
    guard bytes > 0 else { return WEIR_E_ARGUMENT }
    guard bytes <= UInt64(HostContext.memoryBytesMax) else { return WEIR_E_LIMIT }
    return memory.withLock { memory in
      guard memory.used + Int(bytes) <= HostContext.memoryBytesMax else { return WEIR_E_LIMIT }
      guard let block = aligned_alloc(64, (Int(bytes) + 63) & ~63) else { return WEIR_E_MEMORY }
      memory.blocks[UInt(bitPattern: block)] = Int(bytes)
      memory.used += Int(bytes)
      place.pointee = block
      return WEIR_OK
    }
  }

  func give(_ block: UnsafeMutableRawPointer?) {
    guard let block else { return }
    let isKnown = memory.withLock { memory in
      guard let bytes = memory.blocks.removeValue(forKey: UInt(bitPattern: block)) else {
        return false
      }
      memory.used -= bytes
      free(block)
      return true
    }
    if !isKnown { breach("memory_give of memory that was not taken") }
  }
}
