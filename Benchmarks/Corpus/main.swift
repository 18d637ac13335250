// weir-corpus: writes a corpus of log lines. The same kind, size and seed give the same bytes.
import Glibc

/// What the command line asks for.
struct Request {
  var kind = Kind.cri
  var size = 256 << 20
  var seed: UInt64 = 1
  var out: String?

  static let usage = """
    usage: weir-corpus [--kind KIND] [--size BYTES] [--seed N] [--out FILE]

      --kind   cri, cri-nginx, docker, nginx, json, java or blank (default cri)
      --size   bytes; K, M and G count in powers of 1024 (default 256M). The corpus ends with the
               first whole event at or past it
      --seed   a number; the same one gives the same bytes (default 1)
      --out    a file (default standard output)

    """

  /// Nil where an option or its value is not known.
  init?(_ arguments: [String]) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else { return nil }
      switch option {
      case "--kind":
        guard let kind = Kind(rawValue: value) else { return nil }
        self.kind = kind
      case "--size":
        guard let size = Self.bytes(value) else { return nil }
        self.size = size
      case "--seed":
        guard let seed = UInt64(value) else { return nil }
        self.seed = seed
      case "--out": out = value
      default: return nil
      }
    }
  }

  private static func bytes(_ text: String) -> Int? {
    let shifts: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    guard let last = text.last else { return nil }
    guard let shift = shifts[Character(last.uppercased())] else { return Int(text) }
    return Int(text.dropLast()).map { $0 << shift }
  }
}

/// Writes the corpus; false when a write failed.
func generate(_ request: Request, to descriptor: Int32) -> Bool {
  var out = LineWriter(descriptor: descriptor)
  var lines = LineSource(seed: request.seed)
  while out.total < request.size {
    lines.putEvent(request.kind, &out)
    guard out.settle() else { return false }
  }
  return out.flush()
}

guard let request = Request(Array(CommandLine.arguments.dropFirst())) else {
  _ = write(STDERR_FILENO, Request.usage, Request.usage.utf8.count)
  exit(2)
}
var descriptor = STDOUT_FILENO
if let path = request.out {
  descriptor = creat(path, 0o644)
  guard descriptor >= 0 else {
    perror(path)
    exit(1)
  }
}
guard generate(request, to: descriptor) else {
  perror("weir-corpus")
  exit(1)
}
