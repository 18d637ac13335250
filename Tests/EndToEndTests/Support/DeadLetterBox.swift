import Glibc

/// The dead letters of a job, as `weir dlq` shows them.
struct DeadLetterBox {
  let job: Job
  /// The configuration whose dead letters are meant.
  let file: String

  init(_ job: Job, configuration name: String = "weir") {
    self.job = job
    file = job.scratch / "\(name).conf"
  }

  /// Every dead letter: a JSON object each.
  func letters() -> [JSONText] {
    let shown = job.weir(["dlq", "show", "-c", file, "--limit", "0"])
    guard shown.status == 0 else { return [] }
    return shown.text.split(separator: "\n").compactMap { JSONText(String($0)) }
      .filter { $0["item"] != .null }
  }

  /// The numbers of one writer's lines among them, in order.
  func numbers(_ letters: [JSONText], of key: String) -> [Int] {
    letters.compactMap { letter -> Int? in
      guard let item = letter["item"].string, let range = item.range(of: "\"log\":\"\(key) ") else {
        return nil
      }
      return Int(item[range].prefix(9))
    }.sorted()
  }

  /// What `weir dlq list` says, for the message of a test that failed.
  func list() -> String { job.weir(["dlq", "list", "-c", file]).text }

  func replay() -> (status: Int32, text: String) { job.weir(["dlq", "replay", "-c", file]) }
}

extension String {
  /// What stands behind the first occurrence of a text; nil where there is none.
  fileprivate func range(of text: String) -> PartialRangeFrom<String.Index>? {
    var rest = self[...]
    while !rest.isEmpty {
      if rest.hasPrefix(text) { return rest.index(rest.startIndex, offsetBy: text.count)... }
      rest = rest.dropFirst()
    }
    return nil
  }
}
