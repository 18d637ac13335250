import WeirSystem

/// An item that its destination refused for good.
public struct DeadLetter: Sendable, Equatable {
  /// Its bytes as they were sent; for Elasticsearch the action line and the document.
  public var item: [UInt8]
  /// What the destination answered: an HTTP status.
  public var status: Int
  /// Its name for the error: `mapper_parsing_exception`.
  public var type: String
  /// Its explanation; longer ones are cut.
  public var reason: String
  /// Where it should have gone, if that is known.
  public var index: String?

  /// Makes one.
  public init(item: [UInt8], status: Int, type: String, reason: String, index: String? = nil) {
    self.item = item
    self.status = status
    self.type = type
    self.reason = reason
    self.index = index
  }
}

/// Dead letters as they come back: what was appended at one time.
public struct DeadLetterBatch: Sendable {
  /// The output that could not deliver them.
  public var output: String
  /// Wall clock when they were appended, nanoseconds since 1970.
  public var time: Int64
  /// For each item a JSON object with `index` (a string or null), `status`, `type` and `reason`.
  public var notes: [[UInt8]]
  /// The items' bytes.
  public var items: [[UInt8]]

  /// Reads a payload of a dead-letter spool; nil when it is none.
  public init?(_ payload: SpoolPayload) {
    guard payload.encoding == 0 else { return nil }
    let lines = payload.note.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard let first = lines.first, lines.count == payload.itemEnds.count + 1 else { return nil }
    output = String(decoding: first, as: UTF8.self)
    notes = lines.dropFirst().map { Array($0) }
    time = payload.time
    items = []
    var begin = 0
    for end in payload.itemEnds {
      guard Int(end) >= begin, Int(end) <= payload.body.count else { return nil }
      items.append(Array(payload.body[begin..<Int(end)]))
      begin = Int(end)
    }
  }

  /// One line of JSON for an item: time, output, index, status, type, reason, item.
  public func line(_ place: Int) -> [UInt8] {
    var out = Array("{\"time\":\"\(JSONText.time(time))\",\"output\":".utf8)
    JSONText.append(output.utf8, to: &out)
    out.append(UInt8(ascii: ","))
    // The note is an object: its members follow, without its braces.
    out += notes[place].dropFirst().dropLast()
    out += Array(",\"item\":".utf8)
    JSONText.append(items[place], to: &out)
    return out + Array("}\n".utf8)
  }
}

/// The dead letters of one output, in a spool of their own. Any thread.
public final class DeadLetters: Sendable {
  /// Bytes that the dead letters of an output may have, unless told otherwise.
  public static let limitBytes = 64 << 20
  /// Bytes of items in one entry; more are spread over several.
  static let entryBytesMax = 1 << 20
  static let typeBytesMax = 256
  static let reasonBytesMax = 2_048
  static let indexBytesMax = 512

  /// The spool that holds them: take, finish and count there.
  public let spool: Spool
  private let output: String

  /// Opens or makes the dead letters of an output. Settings usually have the policy `dropOldest`:
  /// what goes at the limit is counted in `spool.counters.dropped`.
  public static func open(
    _ settings: SpoolSettings, output: String
  ) throws(SpoolError) -> DeadLetters {
    DeadLetters(try Spool.open(settings), output: output)
  }

  init(_ spool: Spool, output: String) {
    self.spool = spool
    // The name is a line of the note.
    self.output = String(
      decoding: output.utf8.prefix(Self.indexBytesMax).map { $0 < 0x20 ? UInt8(ascii: " ") : $0 },
      as: UTF8.self)
  }

  /// Stores items.
  /// - Parameters:
  ///   - time: wall clock, nanoseconds since 1970; without it, now.
  ///   - whenDurable: called once all of them are on the disk, or with what kept some of them from
  ///     it, and the places of these in `items`, ascending; the others are stored.
  public func append(
    _ items: [DeadLetter], time: Int64? = nil,
    whenDurable: @escaping @Sendable (SpoolAppendResult, [Int]) -> Void
  ) {
    let payloads = payloads(items, time ?? wallClock())
    if payloads.isEmpty { return whenDurable(.stored, []) }
    let gathering = Gathering(payloads.count, whenDurable)
    var first = 0
    for payload in payloads {
      let places = first..<first + payload.itemEnds.count
      first = places.upperBound
      spool.append(payload) { gathering.add($0, places) }
    }
  }

  /// Lets go of the directory once what is under way is stored.
  public func close() { spool.close() }

  private func payloads(_ items: [DeadLetter], _ time: Int64) -> [SpoolPayload] {
    var payloads: [SpoolPayload] = []
    // With a small limit, a full entry would make room by shedding all others.
    let bytesMax = min(Self.entryBytesMax, (spool.settings.limitBytes ?? .max) / 8)
    for item in items {
      let last = payloads.count - 1
      if last >= 0, payloads[last].body.count + item.item.count <= bytesMax {
        add(item, to: &payloads[last])
      } else {
        var payload = SpoolPayload(body: [], note: Array(output.utf8), time: time)
        add(item, to: &payload)
        payloads.append(payload)
      }
    }
    return payloads
  }

  private func add(_ letter: DeadLetter, to payload: inout SpoolPayload) {
    payload.body += letter.item
    payload.itemEnds.append(UInt32(truncatingIfNeeded: payload.body.count))
    payload.note += Array("\n{\"index\":".utf8)
    if let index = letter.index {
      JSONText.append(index.utf8, bytesMax: Self.indexBytesMax, to: &payload.note)
    } else {
      payload.note += Array("null".utf8)
    }
    payload.note += Array(",\"status\":\(letter.status),\"type\":".utf8)
    JSONText.append(letter.type.utf8, bytesMax: Self.typeBytesMax, to: &payload.note)
    payload.note += Array(",\"reason\":".utf8)
    JSONText.append(letter.reason.utf8, bytesMax: Self.reasonBytesMax, to: &payload.note)
    payload.note.append(UInt8(ascii: "}"))
  }
}

/// Waits for several answers and gives one.
private final class Gathering: Sendable {
  private struct State {
    var open: Int
    var result = SpoolAppendResult.stored
    var left: [Int] = []
  }
  private let state: Locked<State>
  private let answer: @Sendable (SpoolAppendResult, [Int]) -> Void

  init(_ count: Int, _ answer: @escaping @Sendable (SpoolAppendResult, [Int]) -> Void) {
    state = Locked(State(open: count))
    self.answer = answer
  }

  func add(_ result: SpoolAppendResult, _ places: Range<Int>) {
    let now = state.withLock { state in
      state.open -= 1
      guard result != .stored else { return state }
      state.left += places
      // A failure of the disk may pass, and is what is told; what is too large stays so.
      if state.result == .stored || state.result == .full { state.result = result }
      return state
    }
    if now.open == 0 { answer(now.result, now.left.sorted()) }
  }
}
