// weir-bench: measures the engine against a floor in plain C that does the same work, in one run,
// in turn. Figures are medians; what counts is the ratio, not the clock.
import Glibc

/// Prints a line at once, so that a long run can be watched through a pipe.
func say(_ text: String) {
  _ = (text + "\n").withCString { write(STDOUT_FILENO, $0, strlen($0)) }
}

func complain(_ text: String) {
  _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
}

/// The absolute form of a path that may be relative to the working directory.
func absolute(_ path: String) -> String {
  if path.hasPrefix("/") { return path }
  guard let folder = getcwd(nil, 0) else { return path }
  defer { free(folder) }
  return String(cString: folder) + "/" + path
}

func programFolder() -> String {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count - 1))
  let path = String(decoding: buffer[0..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/")
}

/// Runs what was asked for; returns the exit status.
func bench(_ given: Options) throws(BenchError) -> Int32 {
  var options = given
  let programs = programFolder()
  options.weir = absolute(options.weir.isEmpty ? "\(programs)/weir" : options.weir)
  options.against = options.against.map(absolute)
  let scratch = options.scratch.isEmpty ? "\(programs)/../bench" : options.scratch
  let workbench = try Workbench(
    scratch: absolute(scratch), programs: programs, seed: options.seed)
  let floor: String
  if let given = options.floor {
    floor = absolute(given)
  } else {
    floor = try workbench.buildFloor()
  }
  let runner = Runner(bench: workbench, options: options, floor: floor)
  var isMet = true
  for scenario in Scenario.all
  where options.scenarios.isEmpty || options.scenarios.contains(scenario.name) {
    isMet = try runner.measure(scenario).report(isQuick: options.isQuick) && isMet
  }
  return isMet || !options.isGate ? 0 : 1
}

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments == ["--list"] {
  for scenario in Scenario.all { say(scenario.name) }
  exit(0)
}
guard let options = Options(arguments) else {
  complain(Options.usage)
  exit(2)
}
do {
  exit(try bench(options))
} catch {
  complain("weir-bench: \(error.message)\n")
  exit(1)
}
