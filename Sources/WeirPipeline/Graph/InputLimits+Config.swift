import WeirConfig
import WeirStage

extension InstanceConfig {
  /// How an input buffers: its own `storage.type`, else the service's where that is inherited.
  func storageType(_ service: ServiceConfig) -> String {
    let inherits = service.text("storage.inherit").flatMap(ValueGrammar.bool) == true
    let type = property("storage.type")?.text ?? (inherits ? service.storageType : nil)
    return type?.lowercased() ?? "memory"
  }
}

extension InputLimits {
  /// The limits that `mem_buf_limit`, `storage.type`, `rate_gate` and its further options of an
  /// input ask for.
  init(_ config: InstanceConfig, _ service: ServiceConfig = ServiceConfig()) throws(ConfigProblem) {
    self.init(
      memoryBytes: try config.size("mem_buf_limit") ?? 0,
      dropsOldest: config.storageType(service) == "memrb")
    guard try config.bool("rate_gate") else { return }
    let ratio = try config.double("rate_gate.resume_ratio") ?? 0.8
    guard ratio > 0, ratio <= 1 else {
      throw config.problem(
        "the ratio has to be above 0 and at most 1", key: "rate_gate.resume_ratio",
        suggestion: "use 0.8")
    }
    let window = try config.seconds("rate_window") ?? 1
    guard window > 0 else {
      throw config.problem(
        "a rate is measured over some time", key: "rate_window", suggestion: "use 1s")
    }
    let records = try config.integer("rate_gate.max_records") ?? 0
    guard records >= 0 else {
      throw config.problem("it is below 0", key: "rate_gate.max_records")
    }
    rate = RateLimit(
      bytesPerSecond: try config.size("rate_gate.max_bytes") ?? 0, recordsPerSecond: records,
      windowSeconds: window, resumeRatio: ratio)
  }
}
