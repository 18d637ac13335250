import CWeirPlugin
import CWeirSystem
import Glibc
import WeirConfig
import WeirStage
import WeirTelemetry

/// Takes every component of a plugin through the whole contract, in this process: the order of the
/// lifecycle, lanes at the same time, no room, empty batches, all records dropped, text that is no
/// UTF-8, deadlines, leaks. For tests of the host and for authors (`weir plugin check`).
public struct ContractCheck {
  /// Lifecycles that leaks are looked for in.
  static let rounds = 60
  /// How often leaks are measured before they count as such.
  static let leakMeasurements = 12
  /// Bytes that one lifecycle may leave in the allocator, on average: its own bookkeeping.
  static let leakBytesPerRound = 192

  let plugin: LoadedPlugin
  /// Options by component type, as a configuration would write them.
  let options: [(key: String, value: String)]
  var report = ContractReport()

  /// Loads and checks a file. Options are given to every component that knows them.
  public static func run(
    file: String, options: [(key: String, value: String)] = []
  ) -> ContractReport {
    var report = ContractReport()
    do throws(PluginHostError) {
      let plugin = try PluginLoader(folder: nil).load(named: file)
      var check = ContractCheck(plugin: plugin, options: options)
      check.checkAll()
      return check.report
    } catch {
      report.error("", error.description)
      return report
    }
  }

  init(plugin: LoadedPlugin, options: [(key: String, value: String)]) {
    self.plugin = plugin
    self.options = options
  }

  private mutating func checkAll() {
    checkSymbols()
    checkEntry()
    for component in plugin.descriptor.components {
      if component.kind == .configFormat {
        checkFormat(component)
      } else {
        checkStage(component)
      }
    }
  }

  // MARK: The file

  private mutating func checkSymbols() {
    report.step()
    guard let names = ExportedSymbols.read(plugin.path) else {
      report.note("", "its symbols could not be read")
      return
    }
    let more = names.filter { $0 != WEIR_PLUGIN_ENTRY }
    if !more.isEmpty {
      let shown = more.prefix(3).joined(separator: ", ")
      report.error(
        "",
        "it exports \(more.count) more symbol(s) than \(WEIR_PLUGIN_ENTRY): \(shown); hide them "
          + "(-fvisibility=hidden, or a version script)")
    }
  }

  /// The entry gives the same answer each time.
  private mutating func checkEntry() {
    do throws(PluginHostError) {
      let again = try PluginLoader(folder: nil).load(named: plugin.path)
      let first = plugin.descriptor
      let second = again.descriptor
      report.expect(
        first.name == second.name && first.components.count == second.components.count, "",
        "the entry function answers differently the second time")
    } catch {
      report.error("", "the entry function fails the second time: \(error)")
    }
    if plugin.descriptor.licence.isEmpty { report.warn("", "it names no licence") }
  }

  // MARK: Components with a lifecycle

  private mutating func checkStage(_ component: PluginComponent) {
    let name = label(component)
    do {
      guard try checkDrain(component) else { return }
      // Made and thrown away before any lane is open.
      try withExtendedLifetime(make(component)) {}
      switch component.table {
      case .filter(let table): try checkFilter(component, table)
      case .codec: try checkCodec(component)
      case .output: try checkOutput(component)
      case .input: try checkInput(component)
      case .configFormat: break
      }
      try checkLeaks(component)
    } catch let error as ConfigProblem {
      report.error(name, "\(error.key ?? ""): \(error.message); give options with -p key=value")
    } catch {
      report.error(name, "\(error)")
    }
  }

  func label(_ component: PluginComponent) -> String {
    "\(component.kind.name) \(component.typeName)"
  }

  /// An instance with the options of the check.
  func make(_ component: PluginComponent) throws -> PluginInstance {
    let known = options.filter { option in
      component.schema.acceptsAny || component.schema.options.contains { $0.name == option.key }
    }
    let properties = known.map { Property(key: $0.key, node: ConfigNode(text: $0.value)) }
    return try PluginInstance(
      component, isSingleLane: plugin.descriptor.isSingleLane, name: component.typeName,
      options: try component.schema.finish(properties),
      codecs: { name throws(CodecError) in try CodecRegistry.shared.factory(name) })
  }

  /// Takes the breaches that an instance has counted into the report.
  mutating func take(_ instance: PluginInstance) {
    for note in instance.context.violationNotes {
      report.error(label(instance.component), "breaks the contract: \(note)")
    }
  }

  /// - Returns: false when drain does not keep its deadline: everything else would take as long.
  private mutating func checkDrain(_ component: PluginComponent) throws -> Bool {
    var isInTime = true
    for seconds in [1, 0, -1] {
      let instance = try make(component)
      _ = try instance.openLane(0)
      let begin = Clock.monotonic()
      _ = instance.drain(seconds: seconds)
      let took = Clock.monotonic() - begin
      report.expect(
        took < Int64(max(0, seconds) + 1) * 1_000_000_000, label(component),
        "drain takes \(took / 1_000_000) ms with a deadline in \(seconds) s")
      isInTime = isInTime && instance.context.violationCount == 0
      take(instance)
    }
    return isInTime
  }

  /// What an instance leaves behind is told once, by the check.
  private mutating func checkLeaks(_ component: PluginComponent) throws {
    try Log.withErrorsOnly { try lookForLeaks(component) }
  }

  private mutating func lookForLeaks(_ component: PluginComponent) throws {
    var accounted = 0
    for _ in 0..<10 { accounted += try oneLife(component) }
    report.expect(
      accounted == 0, label(component),
      "destroy leaves \(accounted / 10) bytes of memory_take behind: something is not freed")
    // Under a sanitizer the allocator is another one, and tells nothing.
    if mallinfo2().uordblks == 0 {
      report.note("", "the allocator has no figures: leaks are not looked for")
    }
    var bytes = Int.max
    var left = Int.max
    // Other threads of the process allocate too: what leaks does so in every measurement.
    for attempt in 0..<Self.leakMeasurements
    where bytes >= Self.rounds * Self.leakBytesPerRound || left >= Self.rounds / 2 {
      // The longer others go on, the longer the pause.
      if attempt > 3 { usleep(20_000 << UInt32(min(attempt - 4, 4))) }
      let descriptors = Self.count("/proc/self/fd")
      let before = Int(mallinfo2().uordblks)
      for _ in 0..<Self.rounds { _ = try oneLife(component) }
      bytes = min(bytes, Int(mallinfo2().uordblks) - before)
      left = min(left, Self.count("/proc/self/fd") - descriptors)
    }
    report.expect(
      bytes < Self.rounds * Self.leakBytesPerRound, label(component),
      "\(Self.rounds) lifecycles leave \(bytes) bytes behind: something is not freed")
    report.expect(
      left < Self.rounds / 2, label(component),
      "\(Self.rounds) lifecycles leave \(left) descriptors open")
  }

  /// - Returns: bytes of `memory_take` that are left when the instance is destroyed.
  private func oneLife(_ component: PluginComponent) throws -> Int {
    let context = try liveOnce(component)
    return context.memoryBytes
  }

  private func liveOnce(_ component: PluginComponent) throws -> HostContext {
    let instance = try make(component)
    _ = try instance.openLane(0)
    _ = try instance.openLane(1)
    if case .codec = component.table {
      let codec = try PluginCodec(instance)
      if component.capabilities & UInt32(WEIR_CAN_DEFLATE) != 0 { try codec.begin(.deflate) }
    }
    return instance.context
  }

  private static func count(_ folder: String) -> Int {
    guard let directory = opendir(folder) else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }
}
