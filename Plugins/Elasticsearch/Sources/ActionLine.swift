import Glibc

/// The action line of an item, and what stands between it and the record; the buffer that the host
/// copies from. Everything that comes from data is escaped before it gets here, so that no value
/// can end a string or a line. Owned by one lane.
///
/// ```
/// {"create":{"_index":"I","_type":"_doc","_id":"X"}}\n{"doc":
/// └───────────────── base ─────────────┘└── end ───────────┘
/// ```
final class ActionLine {
  /// Escaped bytes of an index name; what is longer is cut by who makes it.
  static let indexBytesMax = 16 << 10
  /// Escaped bytes of an id.
  static let idBytesMax = 4096

  /// The line and what follows it.
  let bytes: UnsafeMutablePointer<UInt8>
  private(set) var length = 0
  private var baseLength = 0
  private var idStart = 0
  private var form = Form.none
  /// What the buffer holds behind the index.
  private enum Form { case none, plain, fixed }
  private let open: [UInt8]
  private let afterIndex: [UInt8]
  private let plainEnd: [UInt8]
  private let idEnd: [UInt8]
  private static let idOpen = Array(",\"_id\":\"".utf8)

  /// What follows a record.
  let tail: [UInt8]

  init(_ operation: WriteOperation, typeName: String?, escape: (String) -> [UInt8]) {
    open = Array("{\"\(operation.action)\":{\"_index\":\"".utf8)
    var after = Array("\"".utf8)
    if let typeName {
      after += Array(",\"_type\":\"".utf8) + escape(typeName) + Array("\"".utf8)
    }
    afterIndex = after
    let wrap =
      switch operation {
      case .create, .index: ""
      case .update: "{\"doc\":"
      case .upsert: "{\"doc_as_upsert\":true,\"doc\":"
      }
    plainEnd = Array("}}\n\(wrap)".utf8)
    idEnd = Array("\"}}\n\(wrap)".utf8)
    tail = Array((wrap.isEmpty ? "\n" : "}\n").utf8)
    let room =
      open.count + Self.indexBytesMax + afterIndex.count + Self.idOpen.count + Self.idBytesMax
    bytes = .allocate(capacity: room + idEnd.count + 64)
  }

  deinit { bytes.deallocate() }

  /// Sets the index, escaped; at most `indexBytesMax`.
  func setIndex(_ name: UnsafeRawBufferPointer) {
    var at = put(open, 0)
    at = put(UnsafeRawBufferPointer(rebasing: name.prefix(Self.indexBytesMax)), at)
    baseLength = put(afterIndex, at)
    form = .none
  }

  /// Ends the line without an id.
  @inline(__always)
  func endPlain() {
    if form == .plain { return }
    length = put(plainEnd, baseLength)
    form = .plain
  }

  /// Ends the line with an id of always the same length, which the caller writes there.
  @inline(__always)
  func endFixed() -> UnsafeMutablePointer<UInt8> {
    if form != .fixed {
      idStart = put(Self.idOpen, baseLength)
      length = put(idEnd, idStart + RecordID.length)
      form = .fixed
    }
    return bytes + idStart
  }

  /// Ends the line with an id, escaped.
  func end(id: UnsafeRawBufferPointer) {
    var at = put(Self.idOpen, baseLength)
    at = put(id, at)
    length = put(idEnd, at)
    form = .none
  }

  private func put(_ text: [UInt8], _ at: Int) -> Int {
    text.withUnsafeBytes { put($0, at) }
  }

  @inline(__always)
  private func put(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int {
    if let from = text.baseAddress { memcpy(bytes + at, from, text.count) }
    return at + text.count
  }
}
