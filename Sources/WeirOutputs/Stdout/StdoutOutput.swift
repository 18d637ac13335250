import CWeirKernels
import Glibc
import WeirBatch
import WeirConfig
import WeirStage

/// `stdout`: records on standard output in one of six layouts.
final class StdoutOutput: Output, @unchecked Sendable {
  // SAFETY: what changes belongs to the output's queue; the host never overlaps its calls.
  private let layout: StdoutLayout
  private let style: JSONStyle
  private let descriptor: Int32
  private let writer: DescriptorWriter
  /// msgpack: records written per tag since the last flush.
  private var numbers: [Int: Int] = [:]
  /// Layouts with a frame: the tag whose records are open.
  private var openTag: Int?
  /// The payload that a failed write left half written, and whether it was cut inside a line.
  private var torn: (sequence: UInt64, insideLine: Bool)?
  private let tail = Payload(capacity: 256)

  /// Tags that are numbered at most between two flushes; beyond it the numbers start again.
  static let tagsMax = 65_536
  /// Marks a payload whose bytes are final: delivery was tried before.
  private static let prepared = Int.min

  init(_ config: InstanceConfig, _ context: OutputBuildContext) throws(ConfigProblem) {
    let word = config.text("format", default: "msgpack").lowercased()
    guard let layout = StdoutLayout(word: word) else {
      throw config.problem(
        "\"\(word)\" is not accepted; accepted is msgpack, json, json_lines, json_stream, "
          + "otlp_json, otlp_json_pretty", key: "format")
    }
    self.layout = layout
    style = try JSONStyle(
      config, escapeUnicode: context.escapeUnicode, nanToNull: context.nanToNull)
    descriptor = context.standardOutput
    writer = context.writer
  }

  func openLane(_ lane: LaneContext) -> any OutputLane { StdoutLane(layout, style) }

  /// A closed pipe has to come back as EPIPE, not as a signal.
  func start() throws { signal(SIGPIPE, SIG_IGN) }

  func deliver(_ payload: Payload) -> DeliveryResult {
    if payload.sections.first?.target != StdoutOutput.prepared { prepare(payload) }
    if let torn, torn.sequence != payload.sequence {
      // The host gave the torn payload up: its last line must not run into this one.
      self.torn = nil
      if torn.insideLine, let failure = write("\n") { return failure }
    }
    guard let section = payload.sections.first else { return .done }
    let (written, error) = writer.write(
      descriptor, payload.base + section.begin, section.end - section.begin)
    payload.sections[0].begin += written
    if error == 0 {
      torn = nil
      return .done
    }
    let at = payload.sections[0].begin
    let insideLine = at > 0 && payload.base[at - 1] != UInt8(ascii: "\n")
    torn = (payload.sequence, insideLine)
    return failure(error)
  }

  func flush() {
    numbers.removeAll(keepingCapacity: numbers.count < 1_024)
    closeRun()
  }

  func close() { closeRun() }

  // MARK: Preparing

  /// Fills in what depends on the payloads before it; leaves one section with final bytes.
  private func prepare(_ payload: Payload) {
    switch layout {
    case .msgpack: number(payload)
    case .json, .jsonStream, .otlp, .otlpPretty: frame(payload)
    case .jsonLines: break
    }
    payload.sections.removeAll(keepingCapacity: true)
    payload.sections.append(
      PayloadSection(
        target: StdoutOutput.prepared, begin: 0, end: payload.length,
        records: payload.recordCount))
  }

  /// Writes `[N] ` before each record and closes the gaps, front to back.
  private func number(_ payload: Payload) {
    let base = payload.base
    let offsets = payload.recordOffsets
    var out = base
    var record = 0
    for section in payload.sections {
      if numbers.count >= StdoutOutput.tagsMax { numbers.removeAll(keepingCapacity: true) }
      var number = numbers[section.target] ?? 0
      for _ in 0..<section.records {
        let body = Int(offsets[record]) + StdoutLane.numberRoom
        record += 1
        let end = record < offsets.count ? Int(offsets[record]) : payload.length
        out[0] = UInt8(ascii: "[")
        // SAFETY: at most 4 + 20 bytes, and `out` is never past the record's own room.
        out += 1 + weir_put_i64(out + 1, Int64(number))
        out[0] = UInt8(ascii: "]")
        out[1] = UInt8(ascii: " ")
        out += 2
        memmove(out, base + body, end - body)
        out += end - body
        number += 1
      }
      numbers[section.target] = number
    }
    payload.length = out - base
  }

  /// Opens a frame where a tag begins, in place of its first comma, and closes the one before it.
  private func frame(_ payload: Payload) {
    guard let (opening, closing) = layout.frame else { return }
    insert(payload, runs(payload), closing, opening)
  }

  /// True when something stands that `closeRun` has to end.
  private var hasOpenRun = false

  /// Indexes of the sections that do not go on with the tag before them; moves `openTag` on.
  private func runs(_ payload: Payload) -> [Int] {
    var starts: [Int] = []
    for (index, section) in payload.sections.enumerated() where section.target != openTag {
      starts.append(index)
      openTag = section.target
    }
    return starts
  }

  /// Makes room for `closing` and `opening` before the sections in `starts`, back to front; the
  /// first run of an interval has nothing to close. The last byte of the opening takes the place of
  /// the section's first byte, a comma.
  private func insert(
    _ payload: Payload, _ starts: [Int], _ closing: StaticString, _ opening: StaticString
  ) {
    guard !starts.isEmpty else { return }
    let close = closing.utf8CodeUnitCount
    let open = max(0, opening.utf8CodeUnitCount - 1)
    let endsBefore = hasOpenRun
    hasOpenRun = true
    _ = payload.reserve(starts.count * (close + open))
    var stop = payload.length
    for (rank, index) in starts.enumerated().reversed() {
      let closings = rank + (endsBefore ? 1 : 0)
      let shift = closings * close + (rank + 1) * open
      let begin = payload.sections[index].begin
      memmove(payload.base + begin + shift, payload.base + begin, stop - begin)
      let text = payload.base + begin + shift - open
      if opening.utf8CodeUnitCount > 0 { memcpy(text, opening.utf8Start, open + 1) }
      if closings > 0 { memcpy(text - close, closing.utf8Start, close) }
      stop = begin
    }
    payload.length += (starts.count - (endsBefore ? 0 : 1)) * close + starts.count * open
  }

  private func closeRun() {
    guard hasOpenRun else { return }
    hasOpenRun = false
    openTag = nil
    if let frame = layout.frame { _ = write(frame.closing) }
  }

  // MARK: Writing

  /// Writes a few bytes; nil when they are out.
  private func write(_ text: StaticString) -> DeliveryResult? {
    tail.length = 0
    RecordTextWriter().append(text, to: tail)
    let (_, error) = writer.write(descriptor, tail.base, tail.length)
    return error == 0 ? nil : failure(error)
  }

  private func failure(_ code: Int32) -> DeliveryResult {
    let message = "standard output: \(OutputError.text(of: code))"
    return deliveryIsHopeless(code) ? .failed(message) : .retry(message)
  }
}
