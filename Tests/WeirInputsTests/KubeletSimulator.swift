import Glibc

/// Rotates a container's log as a kubelet and its runtime do, step by step: compress the file
/// rotated last, drop the oldest, rename, a pause in which the path is missing, a new file, late
/// writes into the renamed one.
final class KubeletSimulator {
  let folder: Folder
  let directory: String
  private(set) var descriptor: Int32
  private(set) var written = 0
  private(set) var rotations = 0
  private var plain: String?
  private var compressed: [String] = []
  /// Compressed files that are kept: what is dropped unread is lost, and not the input's fault.
  let compressedMax: Int
  private let compresses: Bool

  init(_ folder: Folder, _ directory: String, compressedMax: Int, compresses: Bool = true) {
    self.folder = folder
    self.directory = directory
    self.compressedMax = compressedMax
    self.compresses = compresses
    folder.makeDirectory(directory)
    descriptor = open(
      folder.file(directory + "/0.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
  }

  deinit { close(descriptor) }

  static func line(_ number: Int) -> String {
    "2026-11-22T10:00:00.\(100_000_000 + number)Z stdout F message number \(number) \n"
  }

  func write(_ count: Int) { write(count, to: descriptor) }

  private func write(_ count: Int, to descriptor: Int32) {
    for _ in 0..<count {
      folder.put(descriptor, Array(Self.line(written).utf8))
      written += 1
    }
  }

  /// - Parameters:
  ///   - gap: microseconds in which the path is missing.
  ///   - late: lines that the runtime still writes into the renamed file, before and after the new
  ///     one exists.
  func rotate(gap: UInt32, late: (Int, Int)) {
    if compresses, let plain {
      let base = directory + "/" + plain
      system(
        "gzip -c '\(folder.file(base))' > '\(folder.file(base)).tmp' && mv "
          + "'\(folder.file(base)).tmp' '\(folder.file(base)).gz'")
      folder.remove(base)
      compressed.append(plain + ".gz")
      if compressed.count > compressedMax {
        folder.remove(directory + "/" + compressed.removeFirst())
      }
    }
    rotations += 1
    let name = "0.log.20261122-\(100_000 + rotations)"
    let old = descriptor
    folder.rename(directory + "/0.log", directory + "/" + name)
    plain = name
    write(late.0, to: old)
    usleep(gap)
    descriptor = open(
      folder.file(directory + "/0.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    write(late.1, to: old)
    close(old)
  }
}
