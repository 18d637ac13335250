import Dispatch
import Glibc
import WeirDelivery
import WeirStage
import WeirSystem
import WeirTelemetry

@testable import WeirPipeline

/// An output whose replies have a letter per item: `o` stored, `d` dead, `r` again.
final class LetterOutput: CarriedOutput {
  var target: CarriedTarget { CarriedTarget() }
  func openLane(_ lane: LaneContext) -> any OutputLane { FakeOutput.Lane() }
  func start() throws {}
  func openReply(status: Int, contentType: String, itemCount: Int) -> any CarriedReply {
    LetterReply(itemCount)
  }
  func close() {}
}

private final class LetterReply: CarriedReply {
  private var outcomes: ItemOutcomes
  private var next = 0
  init(_ itemCount: Int) { outcomes = ItemOutcomes(itemCount: itemCount) }

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    for byte in bytes where next < outcomes.count {
      set(byte == UInt8(ascii: "d") ? .dead : byte == UInt8(ascii: "r") ? .retry : .done)
    }
    return true
  }

  private func set(_ outcome: ItemOutcome) {
    let text = Array("logs".utf8)
    text.withUnsafeBytes { text in
      if outcome == .done {
        outcomes[next] = .done
      } else {
        outcomes.set(
          next, outcome, status: outcome == .dead ? 400 : 429, type: text, reason: text, place: text
        )
      }
    }
    next += 1
  }

  func finish(isComplete: Bool) -> ReplyVerdict { ReplyVerdict(.items, outcomes: outcomes) }
}

/// A server in the same process: `answer` gets the items of a request, a line each.
final class LetterTransport: HTTPTransport {
  /// Letters of the reply; nil for no reply at all.
  typealias Answer = @Sendable (_ items: [String]) -> String?
  private let queue = DispatchQueue(label: "test.transport")
  private let answer: Locked<Answer>
  private let silent = Locked<[any HTTPReplyReader]>([])

  init(_ answer: @escaping Answer) { self.answer = Locked(answer) }

  func become(_ answer: @escaping Answer) { self.answer.withLock { $0 = answer } }

  func send(_ request: HTTPRequest, _ reader: any HTTPReplyReader) {
    queue.async { [self] in
      let items = String(decoding: request.body.bytes, as: UTF8.self).split(separator: "\n")
        .map(String.init)
      let answer = answer.withLock { $0 }
      guard let letters = answer(items) else { return silent.withLock { $0.append(reader) } }
      reader.begin(status: 200, contentType: "text/plain")
      Array(letters.utf8).withUnsafeBytes { _ = reader.receive($0) }
      reader.end(nil)
    }
  }

  func cancel(_ owner: HTTPOwner) {
    queue.async { [self] in
      let readers = silent.withLock { readers in
        defer { readers = [] }
        return readers
      }
      for reader in readers { reader.end(.cancelled) }
    }
  }
}

/// An output over HTTP with dead letters in a folder of its own.
final class CarriedBench {
  let folder: String
  let transport: LetterTransport
  let counters = StageCounters(kind: .output, name: "es.0", extra: OutputCounterNames.all)
  var letters: SpoolSettings
  private var sequence: UInt64 = 0

  init(_ answer: @escaping LetterTransport.Answer) {
    var template = Array("/tmp/weir-carried-XXXXXX".utf8CString)
    mkdtemp(&template)
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    letters = SpoolSettings(directory: "\(folder)/letters", policy: .dropOldest)
    transport = LetterTransport(answer)
  }

  deinit { CarriedBench.remove(folder) }

  private static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    if let listing = opendir(path) {
      while let entry = readdir(listing) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { remove("\(path)/\(name)") }
      }
      closedir(listing)
    }
    rmdir(path)
  }

  var setup: CarriedSetup {
    var policy = DeliveryPolicy()
    policy.baseNanoseconds = 1_000_000
    policy.capNanoseconds = 5_000_000
    let transport = transport
    return CarriedSetup(
      policy: policy,
      servers: { target in
        [
          try CarriedServer(
            endpoint: HTTPEndpoint(host: "test", port: 1), method: target.method,
            path: target.path, headers: [])
        ]
      }, spool: nil, deadLetters: letters, transport: { transport })
  }

  func runner() throws -> CarriedRunner {
    let runner = CarriedRunner(
      index: 0, output: LetterOutput(), setup: setup, gate: OutputGate(limitBytes: 1 << 30),
      counters: counters, ledger: Ledger())
    try runner.start()
    return runner
  }

  func submit(_ items: [String], to runner: CarriedRunner) {
    let payload = runner.takePayload()
    for item in items {
      Array("\(item)\n".utf8).withUnsafeBytes { payload.append($0) }
      payload.recordOffsets.append(UInt32(payload.length))
    }
    payload.recordCount = items.count
    runner.submit(sequence, payload)
    sequence += 1
  }

  func number(_ name: String) -> Int { Int(counters.extra[name]?.count ?? 0) }

  /// Waits for what has to come; false after ten seconds.
  func wait(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2_000 {
      if condition() { return true }
      usleep(5_000)
    }
    return condition()
  }
}
