import Glibc
import Testing
import WeirSystem
import WeirTestSupport

@testable import WeirDelivery

/// A folder of its own for each test; gone with it.
final class SpoolFolder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/weir-spool-XXXXXX".utf8CString)
    mkdtemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    for name in SystemFiles().list(path) ?? [] {
      if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
    }
    rmdir(path)
  }

  func settings(
    limit: Int? = nil, policy: SpoolPolicy = .block, segment: Int = 8 << 20,
    quarantine: Int = 16 << 20
  ) -> SpoolSettings {
    SpoolSettings(
      directory: "\(path)/spool", limitBytes: limit, policy: policy, segmentBytes: segment,
      quarantineBytes: quarantine)
  }

  /// Opens a spool that does not wait for the disk, once the one before has left the directory.
  func open(_ settings: SpoolSettings? = nil, files: FaultyFiles = FaultyFiles()) throws -> Spool {
    for _ in 0..<2_000 {
      do throws(SpoolError) {
        return try Spool(settings ?? self.settings(), files)
      } catch {
        guard case .inUse = error else { throw error }
        usleep(1_000)
      }
    }
    return try Spool(settings ?? self.settings(), files)
  }

  var directory: String { "\(path)/spool" }
  func names(_ suffix: String) -> [String] {
    (SystemFiles().list(directory) ?? []).filter { $0.hasSuffix(suffix) }.sorted()
  }
  var segments: [String] { names(".seg").map { "\(directory)/\($0)" } }

  func read(_ path: String) -> [UInt8] {
    let files = SystemFiles()
    let descriptor = files.open(path, O_RDONLY)
    if descriptor < 0 { return [] }
    defer { files.close(descriptor) }
    return files.bytes(descriptor, count: files.size(descriptor), at: 0) ?? []
  }

  func write(_ path: String, _ bytes: [UInt8]) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    #expect(descriptor >= 0, "\(path)")
    _ = bytes.withUnsafeBytes { SystemFiles().writeAll(descriptor, $0, at: 0) }
    close(descriptor)
  }
}

extension SpoolPayload {
  /// The payload of a number: its contents follow from it.
  static func numbered(_ number: Int, bytes: Int? = nil) -> SpoolPayload {
    var random = SeededGenerator(seed: UInt64(number))
    let length = bytes ?? Int.random(in: 0...300, using: &random)
    let body = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    let items = Int.random(in: 1...5, using: &random)
    let ends = (1...items).map { UInt32($0 * 1_000 + number % 7) }
    return SpoolPayload(
      body: body, encoding: UInt8(number % 2), itemEnds: ends, attempts: UInt32(number % 3),
      note: Array("{\"n\":\(number)}".utf8), time: Int64(number))
  }

  /// The number of a payload.
  var number: Int { Int(time) }
}

extension Spool {
  /// Appends and waits for the answer.
  func store(_ payload: SpoolPayload, replacing lease: SpoolLease? = nil) -> SpoolAppendResult {
    let answer = Locked<SpoolAppendResult?>(nil)
    let holder = Holder(answer)
    append(payload, replacing: lease) { result in holder.value.withLock { $0 = result } }
    for _ in 0..<20_000 {
      if let result = holder.value.withLock({ $0 }) { return result }
      usleep(500)
    }
    return .failed("no answer")
  }

  /// Appends a part of a lease, and waits for the new one.
  func storeRest(_ payload: SpoolPayload, of lease: SpoolLease, isAll: Bool) -> SpoolLease? {
    let answer = Locked<SpoolLease??>(nil)
    let holder = Holder(answer)
    let body = payload.body.withUnsafeBytes { HTTPBody(copying: $0) }
    appendRest(
      of: lease, isAll: isAll, body: body.bytes, keeping: body, encoding: payload.encoding,
      itemEnds: payload.itemEnds, attempts: payload.attempts, time: payload.time
    ) { _, new in holder.value.withLock { $0 = .some(new) } }
    for _ in 0..<20_000 {
      if let result = holder.value.withLock({ $0 }) { return result }
      usleep(500)
    }
    return nil
  }

  /// Takes everything, in order, and finishes it.
  func drain() -> [SpoolPayload] {
    var all: [SpoolPayload] = []
    while let lease = take() {
      all.append(lease.payload)
      finish(lease)
    }
    return all
  }

  /// Waits until what was finished is off the disk.
  func settle() { waitForSegments(0) }

  /// Waits until there are so few segments.
  func waitForSegments(_ count: Int) {
    for _ in 0..<5_000 where disk.segments > count { usleep(1_000) }
  }

  /// Whether the law of `SpoolCounters` holds.
  var isBalanced: Bool {
    let now = counters
    let left = now.recovered.entries + now.appended.entries
    let right =
      now.delivered.entries + now.replaced.entries + now.dropped.entries + now.quarantined.entries
      - now.quarantinedAtOpen.entries + pending.entries
    return left == right
  }
}

/// Carries what cannot be copied into a closure.
final class Holder<Value: ~Copyable & Sendable>: Sendable {
  let value: Value
  init(_ value: consuming Value) { self.value = value }
}

extension Spool {
  /// Waits until every append is answered.
  func waitForAppends() {
    for _ in 0..<20_000 where underWay > 0 { usleep(500) }
  }
}
