import Glibc
import WeirSystem

@testable import WeirDelivery

/// The file system with faults, and without the wait for the disk unless it is asked for.
final class FaultyFiles: SpoolFiles {
  enum Operation: Sendable { case open, read, write, sync, truncate, remove, folder, syncFolder }

  struct Plan: Sendable {
    /// The error number that an operation fails with, 0 for none; asked with its number, from 0.
    var fault: @Sendable (Operation, Int) -> Int32 = { _, _ in 0 }
    /// Bytes that a failing write leaves behind.
    var leaves = 0
    var count = 0
  }

  let plan = Locked(Plan())
  private let isSynced: Bool
  private let base = SystemFiles()
  init(isSynced: Bool = false) { self.isSynced = isSynced }

  func fail(_ fault: @escaping @Sendable (Operation, Int) -> Int32) {
    plan.withLock {
      $0.fault = fault
      $0.count = 0
    }
  }
  func mend() { fail { _, _ in 0 } }

  private func fault(_ operation: Operation) -> Int32 {
    plan.withLock { plan in
      defer { plan.count += 1 }
      return -plan.fault(operation, plan.count)
    }
  }

  private func guarded(_ operation: Operation, _ body: () -> Int32) -> Int32 {
    let error = fault(operation)
    return error == 0 ? body() : error
  }

  func open(_ path: String, _ flags: Int32) -> Int32 {
    guarded(.open) { base.open(path, flags) }
  }
  func close(_ descriptor: Int32) { base.close(descriptor) }
  func read(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    let error = fault(.read)
    return error == 0 ? base.read(descriptor, room, at: offset) : Int(error)
  }
  func write(_ descriptor: Int32, _ parts: UnsafeBufferPointer<iovec>, at offset: Int) -> Int {
    let error = fault(.write)
    if error == 0 { return base.write(descriptor, parts, at: offset) }
    if let first = parts.first, first.iov_len > 0 {
      let bytes = UnsafeRawBufferPointer(
        start: first.iov_base, count: min(first.iov_len, plan.withLock { $0.leaves }))
      _ = pwrite(descriptor, bytes.baseAddress, bytes.count, offset)
    }
    return Int(error)
  }
  func syncData(_ descriptor: Int32) -> Int32 {
    guarded(.sync) { isSynced ? base.syncData(descriptor) : 0 }
  }
  func truncate(_ descriptor: Int32, to bytes: Int) -> Int32 {
    guarded(.truncate) { base.truncate(descriptor, to: bytes) }
  }
  func size(_ descriptor: Int32) -> Int { base.size(descriptor) }
  func remove(_ path: String) -> Int32 { guarded(.remove) { base.remove(path) } }
  func list(_ path: String) -> [String]? { base.list(path) }
  func makeDirectory(_ path: String) -> Int32 {
    guarded(.folder) { base.makeDirectory(path) }
  }
  func syncDirectory(_ path: String) -> Int32 {
    guarded(.syncFolder) { isSynced ? base.syncDirectory(path) : 0 }
  }
}
