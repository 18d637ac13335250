import CWeirPlugin
import Glibc

/// What is wrong with the text of a record accessor; `offset` counts bytes.
public enum AccessorError: Error, Equatable, CustomStringConvertible {
  case syntax(text: String, offset: Int, reason: String)

  /// The accessor, the place, and what is wrong there.
  public var description: String {
    switch self {
    case .syntax(let text, let offset, let reason):
      "record accessor '\(text)', at byte \(offset): \(reason)"
    }
  }
}

/// A compiled record accessor: `$key['a'][0]`, `$TAG`, `$TAG[1]`, `$0`, text between them, or a
/// plain top-level key.
///
/// Immutable after `init` and shared by all lanes; looking up and rendering allocate nothing.
///
/// ```
///   es-$kubernetes['namespace_name'].log
///   └┬┘└──────────────┬────────────┘└┬─┘
///   text             path           text
/// ```
public final class RecordAccessor: @unchecked Sendable {
  // SAFETY: unchecked because of the pointers; their memory is written in init only.

  /// One step into a map (`key` set) or an array.
  struct Step {
    /// The unescaped name; nil for an index.
    var name: UnsafePointer<UInt8>?
    var length: Int
    var key: KeyID
    var index: Int
  }

  enum Kind { case text, path, tag, tagPart, capture }

  /// One piece of the text.
  struct Part {
    var kind: Kind
    /// Text: the bytes. Path: the name of the top-level key.
    var bytes: UnsafePointer<UInt8>
    var length: Int
    /// Path: the id of the top-level key.
    var key: KeyID
    /// Tag part or capture: its number. Path: the first step.
    var number: Int
    var stepCount: Int
  }

  /// Longest text that is accepted, in bytes.
  public static let bytesMax = 4096

  /// The text as it was written.
  public let source: String
  let parts: UnsafeMutableBufferPointer<Part>
  let steps: UnsafeMutableBufferPointer<Step>
  private let arena: UnsafeMutablePointer<UInt8>

  /// Compiles text with accessors in it.
  public convenience init(_ text: String) throws(AccessorError) {
    var compiler = AccessorCompiler(text)
    try compiler.run()
    self.init(text, compiler.drafts)
  }

  /// A plain top-level key, whatever its characters.
  public convenience init(key: String) {
    self.init(key, [.path(root: Array(key.utf8), steps: [])])
  }

  /// An accessor if the text begins with `$`, else a plain top-level key.
  public static func keyOrAccessor(_ text: String) throws(AccessorError) -> RecordAccessor {
    if text.utf8.first == UInt8(ascii: "$") { return try RecordAccessor(text) }
    return RecordAccessor(key: text)
  }

  init(_ source: String, _ drafts: [AccessorDraft]) {
    self.source = source
    let byteCount = drafts.reduce(0) { $0 + $1.byteCount }
    arena = .allocate(capacity: byteCount + 64)
    arena.initialize(repeating: 0, count: byteCount + 64)
    parts = .allocate(capacity: drafts.count)
    steps = .allocate(capacity: drafts.reduce(0) { $0 + $1.stepCount })
    var end = arena
    var stepEnd = 0
    func keep(_ bytes: [UInt8]) -> UnsafePointer<UInt8> {
      let start = end
      bytes.withUnsafeBufferPointer { source in
        if let base = source.baseAddress { start.update(from: base, count: source.count) }
      }
      end += bytes.count
      return UnsafePointer(start)
    }
    for (index, draft) in drafts.enumerated() {
      var part = Part(
        kind: .text, bytes: UnsafePointer(arena), length: 0, key: UInt32(WEIR_NO_KEY), number: 0,
        stepCount: 0)
      switch draft {
      case .text(let bytes):
        part.bytes = keep(bytes)
        part.length = bytes.count
      case .tag: part.kind = .tag
      case .tagPart(let number):
        part.kind = .tagPart
        part.number = number
      case .capture(let number):
        part.kind = .capture
        part.number = number
      case .path(let root, let drafts):
        part.kind = .path
        part.bytes = keep(root)
        part.length = root.count
        part.key = KeyTable.shared.intern(String(decoding: root, as: UTF8.self))
        part.number = stepEnd
        part.stepCount = drafts.count
        for draft in drafts {
          steps.initializeElement(at: stepEnd, to: Self.step(draft, keep))
          stepEnd += 1
        }
      }
      parts.initializeElement(at: index, to: part)
    }
  }

  deinit {
    parts.deallocate()
    steps.deallocate()
    arena.deallocate()
  }

  private static func step(
    _ draft: AccessorDraft.Step, _ keep: ([UInt8]) -> UnsafePointer<UInt8>
  ) -> Step {
    switch draft {
    case .index(let index):
      return Step(name: nil, length: 0, key: UInt32(WEIR_NO_KEY), index: index)
    case .name(let bytes):
      let key = KeyTable.shared.intern(String(decoding: bytes, as: UTF8.self))
      return Step(name: keep(bytes), length: bytes.count, key: key, index: 0)
    }
  }

  // MARK: Questions

  /// Whether it names exactly one value of the record and nothing else.
  public var isPath: Bool { parts.count == 1 && parts[0].kind == .path }

  /// Whether it is a path that ends at a top-level key.
  public var isTopLevelKey: Bool { isPath && parts[0].stepCount == 0 }

  /// The id of the top-level key of a path; nil for templates.
  public var rootKey: KeyID? { isPath ? parts[0].key : nil }

  /// Whether it is the same for every record: text alone.
  public var isConstant: Bool { parts.allSatisfy { $0.kind == .text } }

  /// Whether it needs captures of an expression (`$0` to `$9`).
  public var usesCaptures: Bool { parts.contains { $0.kind == .capture } }
}
