import Glibc

/// Why a benchmark cannot go on.
enum BenchError: Error {
  /// A system call, or what was to be done, and its errno.
  case system(String, Int32)
  /// A process ended with another status than 0; its standard error lies in the named file.
  case failed(String, status: Int32, log: String)
  /// What was produced is not what was to be produced.
  case wrong(String)

  var message: String {
    switch self {
    case .system(let what, let code): "\(what): \(String(cString: strerror(code)))"
    case .failed(let what, let status, let log):
      "\(what) ended with status \(status):\n\(FileText.tail(of: log, lines: 12))"
    case .wrong(let what): what
    }
  }
}
