import CWeirPlugin
import WeirSDK

/// Reads the reply of a bulk request: one outcome per item, or what the whole request met with.
final class BulkReply: HTTPReply, ReplyEvents {
  /// Bytes of the reply's beginning that are kept for messages.
  private static let headBytesMax = 4096

  private let output: BulkOutput
  private let status: Int
  private let itemCount: Int
  private let outcomes: Outcomes
  private var scanner = ReplyScanner()
  private var head: [UInt8] = []
  private var seenCount = 0
  private var failedCount = 0
  private var errorTextBytes = 0
  private var firstFailure = ""
  private var byteCount = 0
  /// What the member `errors` says; nil without one.
  private var hasErrors: Bool?

  init(_ output: BulkOutput, status: Int, itemCount: Int, outcomes: Outcomes) {
    self.output = output
    self.status = status
    self.itemCount = itemCount
    self.outcomes = outcomes
    super.init()
  }

  private var isSuccess: Bool { status >= 200 && status < 300 }

  override func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    byteCount += bytes.count
    if head.count < Self.headBytesMax {
      head.append(contentsOf: bytes.prefix(Self.headBytesMax - head.count))
    }
    scanner.feed(bytes, self)
    // What follows the first fault is not read for its meaning, but the head is kept.
    return !scanner.isBroken || head.count < Self.headBytesMax
  }

  // MARK: Items

  func errors(_ value: Bool) { hasErrors = value }

  func itemsDone(_ count: Int) {
    let first = seenCount
    seenCount += count
    guard isSuccess, first < itemCount else { return }
    for item in first..<min(itemCount, seenCount) { outcomes.done(item) }
  }

  func itemEnd(_ fields: borrowing ReplyFields) {
    let item = seenCount
    seenCount += 1
    guard isSuccess, item < itemCount else { return }
    let status = fields.hasOperation ? fields.status : 0
    switch ItemFate(status, fields.operation, isBlocked: BulkReply.isBlock(fields.type.bytes)) {
    case .done: outcomes.done(item)
    case .duplicate: outcomes.done(item, isDuplicate: true)
    case .retry: tell(item, UInt32(WEIR_ITEM_RETRY), status, fields)
    case .dead: tell(item, UInt32(WEIR_ITEM_DEAD), status, fields)
    }
  }

  private func tell(
    _ item: Int, _ outcome: UInt32, _ status: Int, _ fields: borrowing ReplyFields
  ) {
    failedCount += 1
    var reason = fields.reason.bytes
    errorTextBytes += reason.count
    if errorTextBytes > output.settings.errorTextBytesMax {
      reason = UnsafeRawBufferPointer(start: nil, count: 0)
    }
    if firstFailure.isEmpty {
      let type = String(decoding: fields.type.bytes, as: UTF8.self)
      firstFailure = "\(status) \(type): \(String(decoding: reason, as: UTF8.self))"
    }
    outcomes.failed(
      item, outcome, status: status, type: fields.type.bytes, reason: reason,
      place: fields.place.bytes)
  }

  /// A full disk, a read-only index: it passes.
  private static func isBlock(_ type: UnsafeRawBufferPointer) -> Bool {
    type.elementsEqual("cluster_block_exception".utf8)
  }

  // MARK: The whole

  override func finish(isComplete: Bool) -> Verdict {
    if isSuccess, scanner.hasTook { output.noteAnswer() }
    if output.settings.tracesErrors, !isSuccess || failedCount > 0 || scanner.isBroken {
      output.host.log(.error, "trace_error: \(status): \(String(decoding: head, as: UTF8.self))")
    }
    return isSuccess ? bulkVerdict(isComplete) : requestVerdict()
  }

  private func bulkVerdict(_ isComplete: Bool) -> Verdict {
    let isWhole = isComplete && scanner.isComplete
    if isWhole && scanner.hasItems && seenCount == itemCount {
      guard failedCount > 0 else { return .items("") }
      return .items("\(failedCount) of \(itemCount) items not stored; the first: \(firstFailure)")
    }
    // What a reply that was cut off has said of its first items stays true.
    if !isWhole, !scanner.isBroken, scanner.hasItems, seenCount > 0, seenCount <= itemCount {
      return .items("the reply is cut off behind \(seenCount) of \(itemCount) items")
    }
    if byteCount == 0 { return .retry("\(status) with an empty reply") }
    // A server or proxy that leaves the items out has said of all of them that they are stored.
    if isWhole && !scanner.hasItems && scanner.hasTook && hasErrors == false {
      for item in 0..<itemCount { outcomes.done(item) }
      return .items("")
    }
    if isWhole && scanner.hasItems {
      return .retry("the reply tells of \(seenCount) items where \(itemCount) were sent")
    }
    return .retry("\(status), but this is no bulk reply: \(snippet)")
  }

  private func requestVerdict() -> Verdict {
    let type = scanner.fields.type.bytes
    let reason = String(decoding: scanner.fields.reason.bytes, as: UTF8.self)
    let text =
      type.count > 0 || !reason.isEmpty
      ? "\(String(decoding: type, as: UTF8.self)): \(reason)" : snippet
    let message = text.isEmpty ? "the server answers \(status)" : "\(status): \(text)"
    switch status {
    case 413: return .split(message)
    case 400 where reason.contains("unknown parameter [_type]"):
      return .denied(message + " (set suppress_type_name on: this server has no types)")
    case 400 where scanner.hasError && (type.count > 0 || !reason.isEmpty): return .split(message)
    // Not Elasticsearch has refused the documents, but something before it the request: for what is
    // in it, or because nothing gets through.
    case 400 where output.mayBlameDocuments(itemCount): return .split(message)
    case 400: return .denied(message + " (no answer of Elasticsearch: check host, port, path, tls)")
    case 403 where BulkReply.isBlock(type): return .retry(message)
    case 401:
      return .denied(message + " (check http_user and http_passwd, or the key)")
    case 403: return .denied(message + " (the user may not write here)")
    case 408, 425, 429: return .retry(message)
    case 300..<500: return .denied(message + " (check host, port and path)")
    default: return .retry(message)
    }
  }

  /// The reply's beginning on one line.
  private var snippet: String {
    let text = String(decoding: head.prefix(200), as: UTF8.self)
    return String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
  }
}

/// What becomes of one item.
enum ItemFate {
  case done, duplicate, retry, dead

  /// - Parameter isBlocked: true for a `cluster_block_exception`.
  init(_ status: Int, _ operation: ReplyKey, isBlocked: Bool) {
    switch status {
    case 200..<300: self = .done
    // The document is there: an earlier try stored it.
    case 409 where operation == .create: self = .duplicate
    // Somebody else changed the document at the same time.
    case 409, 429: self = .retry
    case 403 where isBlocked: self = .retry
    case 400..<500: self = .dead
    default: self = .retry
    }
  }
}
