import CWeirSystem
import Glibc

/// Writes the numbered lines of one container as containerd does: one write(2) per CRI line, into
/// a file that it holds open while the kubelet renames it.
final class ContainerWriter {
  let key: String
  /// The lines written so far; the next one has this number plus one.
  private(set) var count = 0
  private(set) var bytes = 0
  /// Lines that were written as a `P` part at the end of one file and an `F` part in the next.
  private(set) var splitCount = 0

  private let keyBytes: [UInt8]
  private let buffer: UnsafeMutablePointer<UInt8>
  private var second = 0
  private var secondText: [UInt8] = []
  /// What is left of a line of which only the first part has been written.
  private var rest: (start: Int, length: Int)?
  /// Text lengths are drawn around a mean, from the number of the line.
  var lengthMean: Int

  private static let headCount = 40

  init(key: String, lengthMean: Int = 200) {
    self.key = key
    self.lengthMean = lengthMean
    keyBytes = Array(key.utf8)
    buffer = .allocate(capacity: NumberedText.lengthMax + Self.headCount + 1)
  }

  deinit { buffer.deallocate() }

  /// Opens a log file as containerd does.
  static func open(_ path: String) -> Int32 {
    weir_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
  }

  /// Writes lines until at least `target` bytes have gone to the descriptor; returns the bytes.
  @discardableResult
  func write(_ target: Int, to descriptor: Int32) -> Int {
    var done = 0
    while done < target { done += writeLine(to: descriptor) }
    return done
  }

  /// Writes the next line, or the rest of a split one; returns its bytes.
  @discardableResult
  func writeLine(to descriptor: Int32) -> Int {
    if let (start, length) = rest {
      rest = nil
      NumberedText.put(
        key: keyBytes, number: count, length: length, to: buffer + Self.headCount)
      memmove(buffer + Self.headCount, buffer + Self.headCount + start, length - start)
      return send(part: UInt8(ascii: "F"), length - start, to: descriptor)
    }
    let length = nextText()
    return send(part: UInt8(ascii: "F"), length, to: descriptor)
  }

  /// Writes the first part of the next line; whatever is written next begins with its rest.
  @discardableResult
  func writeFirstPart(to descriptor: Int32) -> Int {
    if rest != nil { writeLine(to: descriptor) }
    let length = nextText()
    let start = length / 2
    rest = (start, length)
    splitCount += 1
    return send(part: UInt8(ascii: "P"), start, to: descriptor)
  }

  /// Writes a whole line marked as a part, as containerd does with a last line without newline.
  @discardableResult
  func writeUnfinished(to descriptor: Int32) -> Int {
    if rest != nil { writeLine(to: descriptor) }
    return send(part: UInt8(ascii: "P"), nextText(), to: descriptor)
  }

  private func nextText() -> Int {
    count += 1
    let least = NumberedText.lengthMin(key: key)
    let spread = max(1, lengthMean / 2)
    let length = max(least, lengthMean - spread / 2 + count * 7919 % spread)
    NumberedText.put(
      key: keyBytes, number: count, length: length, to: buffer + Self.headCount)
    return length
  }

  /// Puts the head before the text at `headCount` and writes both with a line feed.
  private func send(part: UInt8, _ length: Int, to descriptor: Int32) -> Int {
    putTime()
    let head = buffer + 30
    memcpy(head, " stdout ", 8)
    head[8] = part
    head[9] = 32
    buffer[Self.headCount + length] = 10
    let total = Self.headCount + length + 1
    guard Files.writeAll(descriptor, UnsafeRawBufferPointer(start: buffer, count: total)) else {
      return total
    }
    bytes += total
    return total
  }

  /// `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ` at the start of the buffer.
  private func putTime() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    if time.tv_sec != second {
      second = time.tv_sec
      secondText = Array(CalendarText.second(second).utf8)
    }
    secondText.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { memcpy(buffer, base, 20) }
    }
    NumberedText.putDigits(time.tv_nsec, 9, buffer + 20)
    buffer[29] = UInt8(ascii: "Z")
  }
}

/// Points of time as texts, in UTC.
enum CalendarText {
  /// `YYYY-MM-DDTHH:MM:SS.`
  static func second(_ second: Int) -> String { format(second, "%Y-%m-%dT%H:%M:%S.") }

  /// `YYYYMMDD-HHMMSS`, as the kubelet names rotated files.
  static func rotation(_ second: Int) -> String { format(second, "%Y%m%d-%H%M%S") }

  private static func format(_ second: Int, _ pattern: String) -> String {
    var time = time_t(second)
    var parts = tm()
    gmtime_r(&time, &parts)
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, pattern, &parts)
    return String(decoding: text[0..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
