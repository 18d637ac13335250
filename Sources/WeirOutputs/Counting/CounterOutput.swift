import CWeirKernels
import Glibc
import WeirBatch
import WeirStage
import WeirTelemetry

/// `counter`: one JSON line per flush with what came since the last one and in total.
///
/// `{"ts":1770091506.500000,"serialized_events":4,"log_records":4,"total":4}`
final class CounterOutput: Output, @unchecked Sendable {
  // SAFETY: the state belongs to the output's queue; the host never overlaps its calls.
  private let name: String
  private let descriptor: Int32
  private let writer: DescriptorWriter
  private let now: @Sendable () -> Int64
  private var pending = 0
  private var total = 0
  private let line = Payload(capacity: 512)

  init(name: String, _ context: OutputBuildContext) {
    self.name = name
    descriptor = context.standardOutput
    writer = context.writer
    now = context.now
  }

  func openLane(_ lane: LaneContext) -> any OutputLane { CountingLane() }

  func start() throws { signal(SIGPIPE, SIG_IGN) }

  func deliver(_ payload: Payload) -> DeliveryResult {
    pending += payload.recordCount
    return .done
  }

  func flush() {
    guard pending > 0 else { return }
    total += pending
    line.length = 0
    let text = RecordTextWriter()
    text.append("{\"ts\":", to: line)
    appendSeconds(now(), to: line)
    text.append(",\"serialized_events\":", to: line)
    line.length += weir_put_i64(line.reserve(24), Int64(pending))
    text.append(",\"log_records\":", to: line)
    line.length += weir_put_i64(line.reserve(24), Int64(pending))
    text.append(",\"total\":", to: line)
    line.length += weir_put_i64(line.reserve(24), Int64(total))
    text.append("}\n", to: line)
    pending = 0
    let (_, error) = writer.write(descriptor, line.base, line.length)
    if error != 0 {
      Log.error("output \(name): standard output: \(OutputError.text(of: error))")
    }
  }

  func close() {}
}

/// Appends a time as `%f` prints its seconds: rounded to six decimals, which are always there.
func appendSeconds(_ nanoseconds: Int64, to payload: Payload) {
  let micros = floorDivide(nanoseconds &+ 500, 1_000)
  let seconds = floorDivide(micros, 1_000_000)
  let out = payload.reserve(48)
  var end: Int
  var fraction = micros - seconds * 1_000_000
  if seconds < 0 && fraction > 0 {
    // -0.25 is second -1 and 750,000 microseconds here, but prints as a whole with its sign.
    out[0] = UInt8(ascii: "-")
    end = 1 + weir_put_i64(out + 1, -(seconds + 1))
    fraction = 1_000_000 - fraction
  } else {
    end = weir_put_i64(out, seconds)
  }
  out[end] = UInt8(ascii: ".")
  for place in stride(from: 6, through: 1, by: -1) {
    out[end + place] = UInt8(ascii: "0") + UInt8(fraction % 10)
    fraction /= 10
  }
  payload.length += end + 7
}
