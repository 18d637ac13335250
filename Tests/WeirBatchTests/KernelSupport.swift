import CWeirKernels
import Glibc
import WeirTestSupport

extension SeededGenerator {
  /// Seeds that every property test runs, plus one of this run.
  static var seeds: [UInt64] { [1, 0xfeed, UInt64(time(nil))] }
}

/// Bytes whose end is followed by unreadable memory: right after the 64 bytes of padding for an
/// input, right after the stated room for an output.
final class GuardedBytes {
  static let capacity = 1 << 20
  private let mapping: UnsafeMutableRawPointer
  private let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  init() {
    mapping = mmap(
      nil, GuardedBytes.capacity + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(mapping != MAP_FAILED, "no memory for a guarded buffer")
    precondition(mprotect(mapping + GuardedBytes.capacity, page, PROT_NONE) == 0)
  }

  deinit { munmap(mapping, GuardedBytes.capacity + page) }

  /// Copies bytes so that exactly 64 bytes, filled by `padding`, separate them from the guard.
  func input(_ bytes: [UInt8], padding: (Int) -> UInt8 = { _ in 0 }) -> UnsafeMutablePointer<UInt8>
  {
    let p = room(bytes.count + 64)
    p.update(from: bytes, count: bytes.count)
    for i in 0..<64 { p[bytes.count + i] = padding(i) }
    return p
  }

  /// Memory of exactly `count` bytes before the guard.
  func room(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    precondition(count <= GuardedBytes.capacity)
    return (mapping + GuardedBytes.capacity - count).assumingMemoryBound(to: UInt8.self)
  }
}

/// Padding made of what would mislead a kernel that looked at it.
func hostilePadding(_ i: Int) -> UInt8 {
  let text = Array("\"}],:0123456789eE.\\u00e9\n é true]}".utf8)
  return text[i % text.count]
}

func bytes(_ p: UnsafePointer<UInt8>, _ n: Int) -> [UInt8] {
  Array(UnsafeBufferPointer(start: p, count: n))
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The C library's rendering, the reference for ours.
func printed(_ format: String, _ value: Double) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  let n = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
  return String(decoding: buffer.prefix(Int(n)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

enum KernelVariant: CaseIterable {
  case chosen, portable, sse2, avx2

  /// The variants that this processor runs.
  static var available: [KernelVariant] {
    #if arch(x86_64)
      return weir_has_avx2() == 1 ? allCases : [.chosen, .portable, .sse2]
    #else
      return [.chosen, .portable]
    #endif
  }

  func escape(
    _ dst: UnsafeMutablePointer<UInt8>, _ src: UnsafePointer<UInt8>, _ n: Int, mode: Int32,
    again: Bool = false
  ) -> Int {
    switch self {
    case .chosen:
      return again ? weir_json_reescape(dst, src, n, mode) : weir_json_escape(dst, src, n, mode)
    case .portable:
      return again
        ? weir_json_reescape_portable(dst, src, n, mode)
        : weir_json_escape_portable(dst, src, n, mode)
    case .sse2:
      #if arch(x86_64)
        return again
          ? weir_json_reescape_sse2(dst, src, n, mode) : weir_json_escape_sse2(dst, src, n, mode)
      #else
        return 0
      #endif
    case .avx2:
      #if arch(x86_64)
        return again
          ? weir_json_reescape_avx2(dst, src, n, mode) : weir_json_escape_avx2(dst, src, n, mode)
      #else
        return 0
      #endif
    }
  }

  func scan(
    _ p: UnsafePointer<UInt8>, _ n: Int, _ base: UInt32,
    _ out: UnsafeMutablePointer<weir_json_member>, _ cap: UInt32,
    _ result: inout weir_json_result
  ) -> Int32 {
    switch self {
    case .chosen: return weir_json_object_prefix(p, n, base, out, cap, &result)
    case .portable: return weir_json_scan_portable(p, n, base, out, cap, &result)
    case .sse2:
      #if arch(x86_64)
        return weir_json_scan_sse2(p, n, base, out, cap, &result)
      #else
        return 0
      #endif
    case .avx2:
      #if arch(x86_64)
        return weir_json_scan_avx2(p, n, base, out, cap, &result)
      #else
        return 0
      #endif
    }
  }

  func newlines(
    _ p: UnsafePointer<UInt8>, _ n: Int, _ base: UInt32, _ out: UnsafeMutablePointer<UInt32>,
    _ cap: Int, _ consumed: inout Int
  ) -> Int {
    switch self {
    case .chosen: return weir_newlines(p, n, base, out, cap, &consumed)
    case .portable: return weir_newlines_portable(p, n, base, out, cap, &consumed)
    case .sse2:
      #if arch(x86_64)
        return weir_newlines_sse2(p, n, base, out, cap, &consumed)
      #else
        return 0
      #endif
    case .avx2:
      #if arch(x86_64)
        return weir_newlines_avx2(p, n, base, out, cap, &consumed)
      #else
        return 0
      #endif
    }
  }
}
