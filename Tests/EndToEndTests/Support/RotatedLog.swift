import Glibc

/// One container's log with the kubelet's rotation of it.
///
/// A rotation compresses the file that was rotated before (through `.tmp`, then a rename to `.gz`),
/// renames `0.log` to `0.log.DATE`, lets some late lines land there, and opens the new `0.log`.
final class RotatedLog {
  let writer: ContainerWriter
  let folder: String
  let restart: Int
  private(set) var descriptor: Int32
  /// The newest rotated file, which stays plain until the next rotation.
  private(set) var plain: String?
  private(set) var compressed: [String] = []
  private(set) var rotations = 0
  private var stamp = 0

  enum Compression { case always, everySecondTime, never }

  /// What varies between rotations.
  struct Manner {
    /// Seconds between the rename and the creation of the new file, from and to.
    var gap = 0.0003...0.0080
    /// Lines that are written into the renamed file, at most.
    var lateLinesMax = 20
    /// Whether a line is split over the old file and the new one.
    var splitsLines = false
    /// Whether the file rotated before is compressed; the kubelet does it at each rotation.
    var compression = Compression.always
    /// Compressed files that are kept; nil keeps all.
    var keptCompressed: Int?
  }

  init(_ writer: ContainerWriter, folder: String, restart: Int = 0) {
    self.writer = writer
    self.folder = folder
    self.restart = restart
    descriptor = ContainerWriter.open("\(folder)/\(restart).log")
  }

  deinit { close(descriptor) }

  var path: String { "\(folder)/\(restart).log" }
  var size: Int { Files.size(path) ?? 0 }

  func write(_ bytes: Int) { writer.write(bytes, to: descriptor) }

  func rotate(_ manner: Manner) {
    rotations += 1
    removeOldest(manner)
    switch manner.compression {
    case .always: compressPlain()
    case .everySecondTime where rotations.isMultiple(of: 2): compressPlain()
    case .everySecondTime, .never: break
    }
    // Two rotations within a second get names of their own, in order.
    stamp = max(stamp + 1, time(nil))
    let target = "\(path).\(CalendarText.rotation(stamp))"
    guard rename(path, target) == 0 else { return }
    plain = target
    let late = rotations * 7 % (manner.lateLinesMax + 1)
    for _ in 0..<(late / 2) { writer.writeLine(to: descriptor) }
    let share = Double(rotations * 31 % 100) / 100
    Clock.sleep(
      manner.gap.lowerBound + share * (manner.gap.upperBound - manner.gap.lowerBound))
    let new = ContainerWriter.open(path)
    for _ in (late / 2)..<late { writer.writeLine(to: descriptor) }
    if manner.splitsLines { writer.writeFirstPart(to: descriptor) }
    close(descriptor)
    descriptor = new
  }

  /// What the kubelet does with the file rotated before.
  private func compressPlain() {
    guard let plain else { return }
    guard GzipFile.compress(plain, to: plain + ".tmp") else { return }
    rename(plain + ".tmp", plain + ".gz")
    unlink(plain)
    compressed.append(plain + ".gz")
    self.plain = nil
  }

  private func removeOldest(_ manner: Manner) {
    guard let kept = manner.keptCompressed, compressed.count > kept else { return }
    unlink(compressed.removeFirst())
  }

  /// Writes a last line, so that nothing of a split one is left, and closes nothing: the container
  /// is idle but alive.
  func settle() { writer.writeLine(to: descriptor) }
}
