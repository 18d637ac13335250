import Glibc

/// What a scanner tells of a bulk reply.
protocol ReplyEvents: AnyObject {
  /// The member `errors`.
  func errors(_ value: Bool)
  /// So many items with a status of 200 to 299 and no error.
  func itemsDone(_ count: Int)
  /// The end of any other item; `fields` hold what it said.
  func itemEnd(_ fields: borrowing ReplyFields)
}

/// What is remembered of an item, or of a whole request's error, while it is read.
struct ReplyFields: ~Copyable {
  static let textBytesMax = 1024

  var operation = ReplyKey.other
  var status = 0
  var hasOperation = false
  let type = BoundedText(ReplyFields.textBytesMax)
  let reason = BoundedText(ReplyFields.textBytesMax)
  let place = BoundedText(ReplyFields.textBytesMax)

  mutating func clear() {
    operation = .other
    status = 0
    hasOperation = false
    type.clear()
    reason.clear()
    place.clear()
  }
}

/// Text up to a bound; what comes behind it is left out.
final class BoundedText {
  private let memory: UnsafeMutablePointer<UInt8>
  private let bytesMax: Int
  private(set) var count = 0

  init(_ bytesMax: Int) {
    self.bytesMax = bytesMax
    memory = .allocate(capacity: bytesMax)
  }

  deinit { memory.deallocate() }

  /// The text; a character that the bound cut is left out.
  var bytes: UnsafeRawBufferPointer {
    guard count == bytesMax else { return UnsafeRawBufferPointer(start: memory, count: count) }
    var lead = count - 1
    while lead > 0 && count - lead < 4 && memory[lead] & 0xc0 == 0x80 { lead -= 1 }
    let needed =
      switch memory[lead] {
      case 0xf0...0xff: 4
      case 0xe0..<0xf0: 3
      case 0xc0..<0xe0: 2
      default: 1
      }
    let end = lead + needed > count ? lead : count
    return UnsafeRawBufferPointer(start: memory, count: end)
  }

  func clear() { count = 0 }

  @inline(__always)
  func append(_ byte: UInt8) {
    if count < bytesMax {
      memory[count] = byte
      count &+= 1
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    let taken = min(bytes.count, bytesMax - count)
    if taken > 0, let from = bytes.baseAddress {
      memcpy(memory + count, from, taken)
      count &+= taken
    }
  }

  func append(scalar code: UInt32) {
    switch code {
    case 0..<0x80: append(UInt8(code))
    case 0x80..<0x800:
      append(0xc0 | UInt8(code >> 6))
      append(0x80 | UInt8(code & 63))
    case 0x800..<0x10000:
      append(0xe0 | UInt8(code >> 12))
      append(0x80 | UInt8(code >> 6 & 63))
      append(0x80 | UInt8(code & 63))
    default:
      append(0xf0 | UInt8(code >> 18 & 7))
      append(0x80 | UInt8(code >> 12 & 63))
      append(0x80 | UInt8(code >> 6 & 63))
      append(0x80 | UInt8(code & 63))
    }
  }
}

/// The keys of a reply that mean something.
enum ReplyKey: UInt8 {
  case other, errors, items, error, status, place, type, reason, create, index, update, delete, took

  init(_ name: UnsafeRawBufferPointer) {
    func isName(_ text: StaticString) -> Bool {
      text.utf8CodeUnitCount == name.count
        && memcmp(text.utf8Start, name.baseAddress ?? UnsafeRawPointer(text.utf8Start), name.count)
          == 0
    }
    switch name.count {
    case 4: self = isName("type") ? .type : isName("took") ? .took : .other
    case 5:
      self = isName("error") ? .error : isName("items") ? .items : isName("index") ? .index : .other
    case 6:
      self =
        isName("status")
        ? .status
        : isName("_index")
          ? .place
          : isName("create")
            ? .create
            : isName("update")
              ? .update
              : isName("errors")
                ? .errors : isName("reason") ? .reason : isName("delete") ? .delete : .other
    default: self = .other
    }
  }
}

/// Reads the reply of a bulk request as it comes: JSON in any pieces, members in any order, any
/// size, with bounded state.
///
/// A container's role follows from its parent's and the key; scalars that mean something are
/// captured by role and key, everything else is skipped as it is checked.
struct ReplyScanner: ~Copyable {
  /// Containers inside each other; a deeper reply is no bulk reply.
  static let depthMax = 64
  private static let keyBytesMax = 16

  /// What a container is.
  enum Role: UInt8 {
    case root, items, item, operation, operationError, rootError, other
  }

  /// What may come next.
  private enum Expect: UInt8 {
    case value, valueOrEnd, keyOrEnd, key, colon, commaOrEnd, nothing
  }

  /// What is being read.
  private enum Token: UInt8 { case none, string, escape, unicode, word }

  private var expect = Expect.value
  private var token = Token.none
  private var isKey = false
  private var roles = [UInt8](repeating: 0, count: ReplyScanner.depthMax)
  private var depth = 0
  private var isArray: UInt64 = 0
  private var key = ReplyKey.other
  private let keyText = BoundedText(ReplyScanner.keyBytesMax + 1)
  private let word = BoundedText(32)
  private var capture: BoundedText?
  private var unicode: UInt32 = 0
  private var unicodeDigits = 0
  private var highSurrogate: UInt32 = 0

  /// What the item at hand, or the request's error, has said so far.
  var fields = ReplyFields()
  /// True when the reply has a member `items` that is an array.
  private(set) var hasItems = false
  /// True when the reply has a member `took` that is a number.
  private(set) var hasTook = false
  /// True when the reply has a member `error` that is an object: Elasticsearch's own words.
  private(set) var hasError = false
  /// True when the reply is one JSON value, from its first to its last byte.
  var isComplete: Bool { expect == .nothing && depth == 0 && token == .none && !isBroken }
  /// True when the reply is no JSON, or none that a bulk reply could be.
  private(set) var isBroken = false

  /// Reads the next bytes.
  mutating func feed(_ bytes: UnsafeRawBufferPointer, _ events: some ReplyEvents) {
    var at = 0
    while at < bytes.count && !isBroken {
      switch token {
      case .none:
        if bytes[at] == UInt8(ascii: "{"), role == .items {
          let run = plainItems(bytes, at, events)
          if run > at {
            at = run
            continue
          }
        }
        structure(bytes[at], events)
        at &+= 1
      case .string: at = string(bytes, at)
      case .escape:
        escape(bytes[at])
        at &+= 1
      case .unicode:
        hex(bytes[at])
        at &+= 1
      case .word:
        if Self.isWordByte(bytes[at]) {
          word.append(bytes[at])
          at &+= 1
        } else {
          endWord(events)
        }
      }
    }
  }

  /// Takes as many plain items as follow each other from `start` on; returns where they end.
  private mutating func plainItems(
    _ bytes: UnsafeRawBufferPointer, _ start: Int, _ events: some ReplyEvents
  ) -> Int {
    guard expect == .value || expect == .valueOrEnd else { return start }
    var count = 0
    var at = start
    while let end = PlainItem.end(bytes, at) {
      count &+= 1
      at = end
      guard at &+ 1 < bytes.count, bytes[at] == UInt8(ascii: ","),
        bytes[at &+ 1] == UInt8(ascii: "{")
      else { break }
      at &+= 1
    }
    guard count > 0 else { return start }
    events.itemsDone(count)
    // Behind a comma the next item is still to come.
    expect = bytes[at &- 1] == UInt8(ascii: ",") ? .value : .commaOrEnd
    return at
  }

  // MARK: Structure

  private mutating func structure(_ byte: UInt8, _ events: some ReplyEvents) {
    switch byte {
    case 0x20, 0x0a, 0x0d, 0x09: return
    case UInt8(ascii: "{"): begin(isArray: false)
    case UInt8(ascii: "["): begin(isArray: true)
    case UInt8(ascii: "}"): end(isArray: false, events)
    case UInt8(ascii: "]"): end(isArray: true, events)
    case UInt8(ascii: ","):
      guard expect == .commaOrEnd, depth > 0 else { return fail() }
      expect = isInArray ? .value : .key
    case UInt8(ascii: ":"):
      guard expect == .colon else { return fail() }
      expect = .value
    case UInt8(ascii: "\""): beginString()
    default:
      guard expect == .value || expect == .valueOrEnd, depth > 0, Self.isWordByte(byte) else {
        return fail()
      }
      token = .word
      word.clear()
      word.append(byte)
    }
  }

  private mutating func fail() { isBroken = true }

  private var isInArray: Bool { isArray & 1 << UInt64(depth - 1) != 0 }
  private var role: Role { depth == 0 ? .other : Role(rawValue: roles[depth - 1]) ?? .other }

  private mutating func begin(isArray array: Bool) {
    guard expect == .value || expect == .valueOrEnd, depth < Self.depthMax else { return fail() }
    let made = roleOfChild(isArray: array)
    if depth == 0 && array { return fail() }
    // An element of items that is no object says nothing of its item.
    if role == .items && made != .item { return fail() }
    if made == .items { hasItems = true }
    if made == .rootError { hasError = true }
    if made == .item { fields.clear() }
    if made == .operation {
      fields.operation = key
      fields.hasOperation = true
    }
    roles[depth] = made.rawValue
    if array { isArray |= 1 << UInt64(depth) } else { isArray &= ~(1 << UInt64(depth)) }
    depth += 1
    key = .other
    expect = array ? .valueOrEnd : .keyOrEnd
  }

  private func roleOfChild(isArray array: Bool) -> Role {
    if depth == 0 { return .root }
    switch (role, key, array) {
    case (.root, .items, true): return .items
    case (.root, .error, false): return .rootError
    case (.items, _, false): return .item
    case (.item, _, false): return fields.hasOperation ? .other : .operation
    case (.operation, .error, false): return .operationError
    default: return .other
    }
  }

  private mutating func end(isArray array: Bool, _ events: some ReplyEvents) {
    guard depth > 0, isInArray == array,
      expect == .commaOrEnd || expect == (array ? .valueOrEnd : .keyOrEnd)
    else { return fail() }
    if role == .item { events.itemEnd(fields) }
    depth -= 1
    key = .other
    expect = depth == 0 ? .nothing : .commaOrEnd
  }

  // MARK: Strings

  private mutating func beginString() {
    isKey = expect == .key || expect == .keyOrEnd
    guard isKey || ((expect == .value || expect == .valueOrEnd) && depth > 0), role != .items else {
      return fail()
    }
    token = .string
    highSurrogate = 0
    if isKey {
      keyText.clear()
      capture = role == .other ? nil : keyText
    } else {
      capture = target()
      capture?.clear()
    }
  }

  /// Where the value of the key at hand is kept; nil when nobody asks for it.
  private func target() -> BoundedText? {
    switch (role, key) {
    case (.operation, .place): fields.place
    case (.operation, .error), (.root, .error): fields.reason
    case (.operationError, .type), (.rootError, .type): fields.type
    case (.operationError, .reason), (.rootError, .reason): fields.reason
    default: nil
    }
  }

  /// Reads inside a string; returns where it stopped.
  private mutating func string(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
    var at = start
    let end = bytes.count
    while at < end {
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      at &+= 1
    }
    if at > start, let capture {
      capture.append(UnsafeRawBufferPointer(rebasing: bytes[start..<at]))
    }
    guard at < end else { return at }
    switch bytes[at] {
    case UInt8(ascii: "\""): endString()
    case UInt8(ascii: "\\"): token = .escape
    default: fail()
    }
    return at &+ 1
  }

  private mutating func endString() {
    token = .none
    if isKey {
      key = role == .other ? .other : ReplyKey(keyText.bytes)
      expect = .colon
    } else {
      expect = .commaOrEnd
    }
    capture = nil
  }

  private mutating func escape(_ byte: UInt8) {
    token = .string
    switch byte {
    case UInt8(ascii: "n"): capture?.append(0x0a)
    case UInt8(ascii: "t"): capture?.append(0x09)
    case UInt8(ascii: "r"): capture?.append(0x0d)
    case UInt8(ascii: "b"): capture?.append(0x08)
    case UInt8(ascii: "f"): capture?.append(0x0c)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): capture?.append(byte)
    case UInt8(ascii: "u"):
      token = .unicode
      unicode = 0
      unicodeDigits = 0
    default: fail()
    }
  }

  private mutating func hex(_ byte: UInt8) {
    let digit: UInt32
    switch byte {
    case 0x30...0x39: digit = UInt32(byte - 0x30)
    case 0x41...0x46: digit = UInt32(byte - 0x37)
    case 0x61...0x66: digit = UInt32(byte - 0x57)
    default: return fail()
    }
    unicode = unicode << 4 | digit
    unicodeDigits += 1
    guard unicodeDigits == 4 else { return }
    token = .string
    switch unicode {
    case 0xd800..<0xdc00: highSurrogate = unicode
    case 0xdc00..<0xe000:
      let code = 0x10000 + (highSurrogate &- 0xd800) << 10 + (unicode - 0xdc00)
      capture?.append(scalar: highSurrogate == 0 ? 0xfffd : code)
      highSurrogate = 0
    default: capture?.append(scalar: unicode)
    }
  }

  // MARK: Words

  private static func isWordByte(_ byte: UInt8) -> Bool {
    (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || byte == 0x2d
      || byte == 0x2b || byte == 0x2e || byte == 0x45
  }

  private mutating func endWord(_ events: some ReplyEvents) {
    token = .none
    guard role != .items else { return fail() }
    let text = word.bytes
    let isNumber = text.first.map { $0 == 0x2d || ($0 >= 0x30 && $0 <= 0x39) } ?? false
    if !isNumber {
      let isTrue = text.elementsEqual("true".utf8)
      guard isTrue || text.elementsEqual("false".utf8) || text.elementsEqual("null".utf8) else {
        return fail()
      }
      if role == .root && key == .errors && !text.elementsEqual("null".utf8) {
        events.errors(isTrue)
      }
    } else if key == .took && role == .root {
      hasTook = true
    } else if key == .status && (role == .operation || role == .root) {
      var number = 0
      for byte in text.prefix(6) where byte >= 0x30 && byte <= 0x39 {
        number = number * 10 + Int(byte - 0x30)
      }
      fields.status = number
    }
    expect = .commaOrEnd
  }
}
