import CWeirSystem
import Glibc
import Synchronization
import WeirConfig
import WeirStage

@testable import WeirOutputs

/// A folder of a test's own, deleted with everything in it.
final class TestFolder {
  let path: String

  init() {
    var template = Array("/tmp/weir-outputs-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp/weir-outputs-unmade"
  }

  deinit { TestFolder.remove(path) }

  private static func remove(_ path: String) {
    for name in list(path) {
      let child = "\(path)/\(name)"
      var status = stat()
      if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        remove(child)
      } else {
        unlink(child)
      }
    }
    rmdir(path)
  }

  static func list(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Names in the folder.
  var names: [String] { TestFolder.list(path) }

  /// The bytes of a file, nil when there is none.
  func bytes(_ name: String) -> [UInt8]? {
    let fd = weir_open("\(path)/\(name)", O_RDONLY, 0)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(fd, &block, block.count)
      guard count > 0 else { return result }
      result += block[..<count]
    }
  }

  /// The text of a file, nil when there is none.
  func text(_ name: String) -> String? { bytes(name).map { String(decoding: $0, as: UTF8.self) } }

  /// Makes a file with that text.
  func write(_ name: String, _ text: String) {
    let fd = weir_open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    _ = Glibc.write(fd, text, text.utf8.count)
    close(fd)
  }
}

/// A pipe whose reading end collects what an output writes.
final class TestPipe {
  let writeEnd: Int32
  private let readEnd: Int32

  init() {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    readEnd = ends[0]
    writeEnd = ends[1]
    // A test writes less than the pipe holds; make that a megabyte.
    _ = weir_fcntl(writeEnd, 1031, 1 << 20)
    _ = weir_fcntl(readEnd, F_SETFL, Int(O_NONBLOCK))
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// Everything written so far.
  func text() -> String {
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(readEnd, &block, block.count)
      if count <= 0 { return String(decoding: result, as: UTF8.self) }
      result += block[..<count]
    }
  }
}

/// Writes that are cut short and fail on a plan: the answers in order, then the real call.
final class FaultyWriter: Sendable {
  enum Answer: Sendable {
    /// At most so many bytes of the first vectors are written.
    case cut(Int)
    case fail(Int32)
  }
  private let plan: Mutex<[Answer]>
  private let made = Atomic<Int>(0)

  init(_ plan: [Answer]) { self.plan = Mutex(plan) }

  /// Calls so far.
  var calls: Int { made.load(ordering: .relaxed) }

  /// The writer to put into a context.
  var writer: DescriptorWriter {
    DescriptorWriter(writev: { fd, vectors, count in
      self.made.add(1, ordering: .relaxed)
      switch self.plan.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
      case .fail(let code):
        errno = code
        return -1
      case .cut(let bytes):
        var left = bytes
        var done = 0
        for i in 0..<Int(count) where left > 0 {
          let n = Glibc.write(fd, vectors[i].iov_base, min(left, Int(vectors[i].iov_len)))
          if n < 0 { return done > 0 ? done : -1 }
          left -= n
          done += n
        }
        return done
      case nil: return Glibc.writev(fd, vectors, count)
      }
    })
  }
}

/// A codec that only frames what it gets: `<` bytes `>`.
final class FramingCodec: Codec {
  private var begins = false
  func bound(_ bytes: Int) -> Int { bytes + 2 }
  func begin(_ direction: CodecDirection) throws(CodecError) { begins = true }

  func write(
    _ input: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) -> CodecProgress {
    var produced = 0
    if begins {
      room[0] = UInt8(ascii: "<")
      produced = 1
      begins = false
    }
    let count = min(input.count, room.count - produced, 1_000)
    for i in 0..<count { room[produced + i] = input[i] }
    return CodecProgress(
      count == input.count ? .done : .noSpace, consumed: count, produced: produced + count)
  }

  func finish(into room: UnsafeMutableRawBufferPointer) -> CodecProgress {
    room[0] = UInt8(ascii: ">")
    return CodecProgress(.done, produced: 1)
  }
}

/// Makes framing codecs under the name gzip.
final class FramingFactory: CodecFactory {
  let name = "gzip"
  func open(options: [(key: String, value: String)]) throws(CodecError) -> any Codec {
    FramingCodec()
  }

  /// A registry that has it.
  static var registry: CodecRegistry {
    let registry = CodecRegistry()
    registry.register(FramingFactory())
    return registry
  }
}

extension OutputBuildContext {
  /// A context for tests: no codec but the given ones, a clock that stands.
  static func test(
    _ service: ServiceConfig = ServiceConfig(), codecs: CodecRegistry = CodecRegistry(),
    standardOutput: Int32 = 1, writer: DescriptorWriter = DescriptorWriter()
  ) -> OutputBuildContext {
    var context = OutputBuildContext(service: service, codecs: codecs) { 1_770_091_506_500_000_000 }
    context.standardOutput = standardOutput
    context.writer = writer
    return context
  }
}

/// An output of options, built as the pipeline does.
func makeOutput(
  _ plugin: String, _ options: KeyValuePairs<String, String>,
  _ context: OutputBuildContext = .test()
) throws -> any Output {
  let output = try BuiltinOutputs.make(
    InstanceConfig(kind: .output, plugin: plugin, options: options), context)
  try output.start()
  return output
}

extension DeliveryResult {
  var isDone: Bool { if case .done = self { true } else { false } }
  var isRetry: Bool { if case .retry = self { true } else { false } }
  var isFailed: Bool { if case .failed = self { true } else { false } }
}
