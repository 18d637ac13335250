import CWeirSystem
import Glibc
public import WeirConfig

extension PipelineSettings {
  /// Sizes and times for a configuration on this machine. `WEIR_LANES` in the environment sets the
  /// work lanes; otherwise the smallest of cores, cgroup quota and 4.
  public init(_ configuration: Configuration) {
    self.init()
    flushSeconds = configuration.service.flushSeconds
    graceSeconds = configuration.service.graceSeconds
    if let text = getenv("WEIR_LANES"), let count = Int(String(cString: text)), count > 0 {
      lanes = min(count, 64)
    } else {
      lanes = max(1, min(CPUShare.cores(), CPUShare.quota() ?? Int.max, 4))
    }
    sizeRing(inputs: configuration.inputs.count)
  }

  /// Slots of the ring at most: further inputs wait until others have sealed theirs.
  static let slotsMax = 512
  /// Bytes of a slot at least.
  static let slotBytesMin = 32 << 10

  /// Every input may keep a slot open for a flush interval, so there are more slots than inputs;
  /// where there are many they are smaller, so that the ring takes half of the budget at most.
  mutating func sizeRing(inputs: Int) {
    slotCount = min(max(12, inputs + 8), Self.slotsMax)
    while slotBytes > Self.slotBytesMin, slotCount * slotBytes > budgetBytes / 2 { slotBytes /= 2 }
  }
}

/// How many processors this process may use.
enum CPUShare {
  static func cores() -> Int { Int(weir_processor_count()) }

  /// Whole processors of the cgroup's quota, rounded up; nil without a quota.
  static func quota() -> Int? {
    if let text = firstLine("/sys/fs/cgroup/cpu.max") {
      let parts = text.split(separator: " ")
      guard parts.count == 2, let quota = Double(parts[0]), let period = Double(parts[1]) else {
        return nil
      }
      return max(1, Int((quota / period).rounded(.up)))
    }
    guard
      let quota = firstLine("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").flatMap({ Double($0) }),
      let period = firstLine("/sys/fs/cgroup/cpu/cpu.cfs_period_us").flatMap({ Double($0) }),
      quota > 0, period > 0
    else { return nil }
    return max(1, Int((quota / period).rounded(.up)))
  }

  private static func firstLine(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = fread(&buffer, 1, buffer.count, file)
    let line = buffer[..<count].split(separator: 10, maxSplits: 1).first ?? []
    return String(decoding: line, as: UTF8.self)
  }
}
