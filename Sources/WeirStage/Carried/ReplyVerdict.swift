/// What a reply means for its request.
public struct ReplyVerdict: Sendable {
  /// What becomes of the request as a whole.
  public enum Kind: Sendable, Equatable {
    /// Decided item by item: see `outcomes`.
    case items
    /// The request failed and may work later: all items again after a pause.
    case retry
    /// Too much at once: halve the body; a single item that is refused so is dead.
    case split
    /// Refused for all that follows too (401, 403): say so loudly, keep the data, go on probing.
    case denied
    /// No item of it ever will be stored: all to the dead letters, with the message.
    case dead
  }

  /// What becomes of the request.
  public var kind: Kind
  /// One line for users: what the server answered. Empty where there is nothing to say.
  public var message: String
  /// The items one by one; meant with `.items` only.
  public var outcomes: ItemOutcomes
  /// The HTTP status of the reply, which the host fills in; 0 where it is not known.
  public var status = 0

  /// Makes one.
  public init(_ kind: Kind, _ message: String = "", outcomes: ItemOutcomes = ItemOutcomes()) {
    self.kind = kind
    self.message = message
    self.outcomes = outcomes
  }
}

/// What became of one item.
public enum ItemOutcome: UInt8, Sendable {
  /// Stored.
  case done = 0
  /// Not now: send it again.
  case retry = 1
  /// Never: to the dead letters.
  case dead = 2
  /// It was stored by an earlier try; as good as done.
  case duplicate = 3
}

/// Why one item was not stored.
public struct ItemDetail: Sendable, Equatable {
  /// Index of the item in its request.
  public var item: Int
  /// Its own status: 429, 400.
  public var status: Int
  /// What the server calls it: `mapper_parsing_exception`; at most `ItemOutcomes.typeBytesMax`.
  public var type: String
  /// The server's sentence; at most `ItemOutcomes.reasonBytesMax`.
  public var reason: String
  /// Where it was to go (the index); at most `ItemOutcomes.typeBytesMax`.
  public var place: String
}

/// The outcomes of a request's items: a byte for each, and a bounded list of reasons.
public struct ItemOutcomes: Sendable {
  /// Bytes kept of an error's type and of a place.
  public static let typeBytesMax = 256
  /// Bytes kept of a reason.
  public static let reasonBytesMax = 1024
  /// Bytes of text kept per request; reasons beyond it are left out, statuses stay.
  public static let textBytesMax = 4 << 20

  private struct Entry: Sendable {
    var item: UInt32
    var start: UInt32
    var status: UInt16
    var type: UInt16
    var reason: UInt16
    var place: UInt16
  }
  private var states: [UInt8]
  private var entries: [Entry] = []
  private var text: [UInt8] = []
  /// Reasons that were left out for want of room.
  public private(set) var cutReasons = 0

  /// Outcomes of so many items, each `.retry` until it is set.
  public init(itemCount: Int = 0) {
    states = [UInt8](repeating: ItemOutcome.retry.rawValue, count: itemCount)
  }

  /// Sets all items at once: raw values of `ItemOutcome`, as many as there are items.
  public mutating func setAll(_ outcomes: UnsafeBufferPointer<UInt8>) {
    guard outcomes.count == states.count else { return }
    states = unsafe Array(outcomes)
  }

  /// Items of the request.
  public var count: Int { states.count }

  /// What became of an item.
  public subscript(item: Int) -> ItemOutcome {
    get { ItemOutcome(rawValue: states[item]) ?? .retry }
    set { states[item] = newValue.rawValue }
  }

  /// How many items came to this outcome. *Complexity*: O(items).
  public func count(of outcome: ItemOutcome) -> Int {
    states.count { $0 == outcome.rawValue }
  }

  /// Sets an item that was not stored, with what the server said of it; text is cut at its bound.
  public mutating func set(
    _ item: Int, _ outcome: ItemOutcome, status: Int, type: UnsafeRawBufferPointer,
    reason: UnsafeRawBufferPointer, place: UnsafeRawBufferPointer
  ) {
    guard item >= 0 && item < states.count else { return }
    states[item] = outcome.rawValue
    var lengths = (
      min(type.count, Self.typeBytesMax), min(reason.count, Self.reasonBytesMax),
      min(place.count, Self.typeBytesMax)
    )
    if text.count + lengths.0 + lengths.1 + lengths.2 > Self.textBytesMax {
      lengths = (0, 0, 0)
      cutReasons += 1
    }
    let start = UInt32(text.count)
    unsafe text.append(contentsOf: type.prefix(lengths.0))
    unsafe text.append(contentsOf: reason.prefix(lengths.1))
    unsafe text.append(contentsOf: place.prefix(lengths.2))
    entries.append(
      Entry(
        item: UInt32(item), start: start, status: UInt16(clamping: status),
        type: UInt16(lengths.0), reason: UInt16(lengths.1), place: UInt16(lengths.2)))
  }

  /// How many items have a detail.
  public var detailCount: Int { entries.count }

  /// The detail at an index, in the order in which they were set (the order of the reply).
  public func detail(at index: Int) -> ItemDetail {
    let entry = entries[index]
    var at = Int(entry.start)
    func next(_ length: UInt16) -> String {
      defer { at += Int(length) }
      return String(decoding: text[at..<at + Int(length)], as: UTF8.self)
    }
    let type = next(entry.type)
    let reason = next(entry.reason)
    return ItemDetail(
      item: Int(entry.item), status: Int(entry.status), type: type, reason: reason,
      place: next(entry.place))
  }
}
