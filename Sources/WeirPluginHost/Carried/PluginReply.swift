import CWeirPlugin
import WeirStage
import WeirSystem

/// The reading of one reply by a plugin that takes it as a stream.
final class PluginReply: CarriedReply {
  private let instance: PluginInstance
  private let http: weir_http
  private let box: OutcomesBox
  private var reply: UnsafeMutableRawPointer?
  private var failure: String?
  private var isOpen: Bool
  private var isDone = false

  init(
    _ instance: PluginInstance, _ http: weir_http, status: Int, contentType: String,
    itemCount: Int
  ) {
    self.instance = instance
    self.http = http
    box = OutcomesBox(itemCount: itemCount)
    var error = ErrorStruct.make()
    var made: UnsafeMutableRawPointer?
    var type = contentType
    let box = box
    let result = type.withUTF8 { bytes in
      var type = weir_string(data: bytes.baseAddress, length: UInt64(bytes.count))
      return http.reply_open?(
        instance.raw, UInt32(clamping: status), &type, UInt32(clamping: itemCount), box.pointer,
        &made, &error) ?? WEIR_E_UNSUPPORTED
    }
    isOpen = result == WEIR_OK
    reply = made
    if result != WEIR_OK { failure = ErrorStruct.message(error, result) }
  }

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard isOpen, failure == nil, !isDone, let write = http.reply_write else { return false }
    var error = ErrorStruct.make()
    let result = write(
      reply, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count), &error)
    if result < 0 { failure = ErrorStruct.message(error, result) }
    isDone = result == WEIR_END
    return result == WEIR_OK
  }

  func finish(isComplete: Bool) -> ReplyVerdict {
    guard isOpen, let close = http.reply_close else {
      return ReplyVerdict(.retry, failure ?? "the plugin does not read the reply")
    }
    isOpen = false
    var verdict = weir_verdict()
    verdict.struct_size = UInt32(MemoryLayout<weir_verdict>.size)
    verdict.kind = UInt32(WEIR_VERDICT_RETRY)
    var error = ErrorStruct.make()
    let result = close(reply, isComplete || isDone ? 1 : 0, &verdict, &error)
    if let failure { return ReplyVerdict(.retry, failure) }
    if result < 0 { return ReplyVerdict(.retry, ErrorStruct.message(error, result)) }
    let message = withUnsafeBytes(of: verdict.message) {
      String(
        decoding: $0.prefix(Int(clamping: verdict.message_length)), as: UTF8.self
      ).replacingLineEnds
    }
    guard let kind = Self.kind(verdict.kind) else {
      instance.context.breach("reply_close gives the unknown verdict \(verdict.kind)")
      return ReplyVerdict(.retry, message)
    }
    return ReplyVerdict(kind, message, outcomes: box.outcomes)
  }

  private static func kind(_ raw: UInt32) -> ReplyVerdict.Kind? {
    switch raw {
    case UInt32(WEIR_VERDICT_ITEMS): .items
    case UInt32(WEIR_VERDICT_RETRY): .retry
    case UInt32(WEIR_VERDICT_SPLIT): .split
    case UInt32(WEIR_VERDICT_DENIED): .denied
    case UInt32(WEIR_VERDICT_DEAD): .dead
    default: nil
    }
  }

  deinit {
    // A reply that nobody finished: the plugin frees what it holds.
    if isOpen { _ = finish(isComplete: false) }
  }
}

/// The reading of one reply for a plugin that wants it whole: kept up to a bound.
final class InterpretedReply: CarriedReply {
  /// Bytes of a reply that are kept.
  static let bytesMax = 8 << 20

  private let instance: PluginInstance
  private let table: weir_output
  private let lane: PluginInstance.Lane?
  private let status: Int
  private let itemCount: Int
  private var bytes: [UInt8] = []
  private var isTooLong = false

  init(
    _ instance: PluginInstance, _ table: weir_output, _ lane: PluginInstance.Lane?, status: Int,
    itemCount: Int
  ) {
    self.instance = instance
    self.table = table
    self.lane = lane
    self.status = status
    self.itemCount = itemCount
  }

  func receive(_ more: UnsafeRawBufferPointer) -> Bool {
    guard more.count <= Self.bytesMax - bytes.count else {
      isTooLong = true
      bytes = []
      return false
    }
    bytes.append(contentsOf: more)
    return true
  }

  func finish(isComplete: Bool) -> ReplyVerdict {
    if isTooLong {
      return ReplyVerdict(.retry, "the reply is larger than \(Self.bytesMax) bytes")
    }
    guard isComplete else { return ReplyVerdict(.retry, "the reply is cut off") }
    guard let lane, let interpret = table.interpret else {
      return ReplyVerdict(.retry, "the output is not started")
    }
    var outcomes = [UInt8](repeating: UInt8(WEIR_ITEM_RETRY), count: itemCount)
    var error = ErrorStruct.make()
    let result = lane.turn.withLock { _ in
      interpret(
        instance.raw, lane.state, UInt32(clamping: status), bytes, UInt64(bytes.count), &outcomes,
        UInt32(itemCount), &error)
    }
    guard result == WEIR_OK else {
      return ReplyVerdict(.retry, ErrorStruct.message(error, result))
    }
    var items = ItemOutcomes(itemCount: itemCount)
    for (item, outcome) in outcomes.enumerated() {
      items[item] = ItemOutcome(rawValue: outcome) ?? .retry
    }
    return ReplyVerdict(.items, outcomes: items)
  }
}
