/// What `weir plugin check` found out about a plugin.
public struct ContractReport: Sendable {
  /// One thing that breaks the contract, or that its author should know.
  public struct Finding: Sendable, Equatable {
    /// How much it weighs.
    public enum Weight: Sendable { case error, warning, note }
    /// How much it weighs.
    public let weight: Weight
    /// The component it is about; empty for the file.
    public let component: String
    /// What was found, in one sentence.
    public let what: String
  }

  /// In the order of finding, each once.
  public private(set) var findings: [Finding] = []
  /// Steps that were taken.
  public private(set) var stepCount = 0

  /// True when nothing breaks the contract.
  public var isClean: Bool { !findings.contains { $0.weight == .error } }

  mutating func error(_ component: String, _ what: String) { add(.error, component, what) }
  mutating func warn(_ component: String, _ what: String) { add(.warning, component, what) }
  mutating func note(_ component: String, _ what: String) { add(.note, component, what) }

  /// Notes an error unless `holds`.
  mutating func expect(_ holds: Bool, _ component: String, _ what: @autoclosure () -> String) {
    stepCount += 1
    if !holds { error(component, what()) }
  }

  mutating func step() { stepCount += 1 }

  private mutating func add(_ weight: Finding.Weight, _ component: String, _ what: String) {
    let finding = Finding(weight: weight, component: component, what: what)
    if findings.count < 200 && !findings.contains(finding) { findings.append(finding) }
  }

  /// The report as text, a line per finding, the verdict last.
  public var text: String {
    var lines = findings.map { finding in
      let weight =
        switch finding.weight {
        case .error: "error"
        case .warning: "warning"
        case .note: "note"
        }
      return "\(weight): " + (finding.component.isEmpty ? "" : "\(finding.component): ")
        + finding.what
    }
    let errors = findings.count { $0.weight == .error }
    lines.append(
      errors == 0
        ? "ok: \(stepCount) steps, nothing breaks the contract"
        : "not ok: \(errors) error(s) in \(stepCount) steps")
    return lines.joined(separator: "\n") + "\n"
  }
}
