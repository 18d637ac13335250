import WeirSystem

/// What a codec turns into what.
public enum CodecDirection: Sendable {
  case deflate, inflate
}

/// How far a step of a codec came.
public enum CodecStatus: Sendable, Equatable {
  /// Everything is consumed (`write`), or the member is complete (`finish`).
  case done
  /// The room is full: call again with the rest of the input and new room.
  case noSpace
  /// Inflating: the member is complete where `consumed` ends; `begin` reads a further one.
  case memberEnd
  /// The data are damaged, or the codec failed; the text says how. The codec needs a `begin`.
  case failed(String)
}

/// What one step of a codec took and made; both counts are set whatever the status is.
public struct CodecProgress: Sendable, Equatable {
  /// How it ended.
  public var status: CodecStatus
  /// Bytes of the input that were taken.
  public var consumed: Int
  /// Bytes of the room that were filled.
  public var produced: Int

  /// Makes one; both counts default to 0.
  public init(_ status: CodecStatus, consumed: Int = 0, produced: Int = 0) {
    self.status = status
    self.consumed = consumed
    self.produced = produced
  }
}

/// Why a codec could not be had.
public enum CodecError: Error, Sendable, CustomStringConvertible {
  /// No codec of that name is built in or found among the plugins; the text says what to do.
  case unknown(String)
  /// The codec refuses its options, or cannot work in that direction.
  case refused(String)

  /// One line for users.
  public var description: String {
    switch self {
    case .unknown(let text), .refused(let text): text
    }
  }
}

/// A compressor and decompressor with one state, for one lane: its calls never overlap.
///
/// One `begin … finish` makes (or reads) one member. All memory is the caller's.
public protocol Codec: AnyObject {
  /// The most bytes that one member of so many input bytes can have (deflate).
  func bound(_ bytes: Int) -> Int
  /// Begins a member, whatever came before.
  func begin(_ direction: CodecDirection) throws(CodecError)
  /// Takes input and fills room.
  func write(
    _ input: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) -> CodecProgress
  /// Ends the member; after `.noSpace` it is called again with new room.
  func finish(into room: UnsafeMutableRawBufferPointer) -> CodecProgress
}

/// Makes codecs of one type.
public protocol CodecFactory: AnyObject, Sendable {
  /// What a configuration calls it: `gzip`.
  var name: String { get }
  /// A codec with these options as a configuration would write them; missing ones have defaults.
  func open(options: [(key: String, value: String)]) throws(CodecError) -> any Codec
}

/// The codecs of this process by name. Any thread.
///
/// A name that is not registered is asked of the finder once (the plugin host looks for
/// `NAME.so`), so that a codec is loaded when it is first needed.
public final class CodecRegistry: Sendable {
  /// Names that the registry holds at most; a further one is refused.
  public static let namesMax = 256
  /// The registry of this process.
  public static let shared = CodecRegistry()

  /// Looks for a codec that nobody has registered.
  /// - Throws: `CodecError.unknown` with a text that says where it looked.
  public typealias Finder = @Sendable (_ name: String) throws(CodecError) -> any CodecFactory

  private struct State {
    var factories: [String: any CodecFactory] = [:]
    var finder: Finder?
  }
  private let state = Locked(State())

  /// An empty registry.
  public init() {}

  /// Adds a codec; the first one of a name stays.
  /// - Returns: false when the name is taken or the registry is full.
  @discardableResult
  public func register(_ factory: any CodecFactory) -> Bool {
    state.withLock { state in
      guard state.factories[factory.name] == nil, state.factories.count < Self.namesMax else {
        return false
      }
      state.factories[factory.name] = factory
      return true
    }
  }

  /// Sets who looks for names that are not registered.
  public func setFinder(_ finder: @escaping Finder) {
    state.withLock { $0.finder = finder }
  }

  /// The codec of a name.
  public func factory(_ name: String) throws(CodecError) -> any CodecFactory {
    let name = name.lowercased()
    let (known, finder) = state.withLock { ($0.factories[name], $0.finder) }
    if let known { return known }
    guard let finder else {
      throw .unknown("no codec \"\(name)\" is registered; load a plugin that has it")
    }
    let found = try finder(name)
    register(found)
    return found
  }
}
