import Glibc
import WeirDelivery

/// `weir spool list | verify | show`: the arguments behind `spool`.
/// - Returns: the exit status: 0, 1 when something is wrong, 2 when the arguments are.
func runSpoolCommand(_ arguments: [String]) -> Int32 {
  SpoolCommand(kind: .spool, usage: spoolUsage).run(arguments)
}

/// `weir dlq list | verify | show`: the arguments behind `dlq`.
/// - Returns: the exit status: 0, 1 when something is wrong, 2 when the arguments are.
func runDeadLetterCommand(_ arguments: [String]) -> Int32 {
  SpoolCommand(kind: .deadLetters, usage: deadLetterUsage).run(arguments)
}

private let spoolUsage = """
  usage: weir spool list   [DIR | -c FILE] [--output NAME]     what waits, per output
         weir spool verify [DIR | -c FILE] [--output NAME]     check every checksum
         weir spool show   [DIR | -c FILE] [--output NAME] [--limit N] [--items]
                                                               the oldest entries

    DIR           a storage root (storage.path), or the folder of one spool
    -c FILE       look where a configuration has them
    --output      only this output
    --limit       entries to show for each output, 10 unless told otherwise, 0 for all
    --items       the records in them too, decompressed

  All of them may be used while Weir runs. verify answers 1 when something is damaged.

  """

private let deadLetterUsage = """
  usage: weir dlq list   [DIR | -c FILE] [--output NAME]       how much there is, per output
         weir dlq verify [DIR | -c FILE] [--output NAME]       check every checksum
         weir dlq show   [DIR | -c FILE] [--output NAME] [--limit N]
                                                               a line of JSON for each item

         weir dlq replay -c FILE [--output NAME]               send them again

    DIR           a storage root (storage.path), or the folder of one queue
    -c FILE       look where a configuration has them
    --output      only this output
    --limit       items to show for each output; all unless told otherwise

  All of them may be used while Weir runs; replay then asks it. What is refused again stays, with
  its new reason. verify answers 1 when something is damaged, replay when something stays.

  """

/// The words of one call, understood.
struct SpoolCommand {
  private let kind: SpoolInspector.Kind
  private let usage: String
  private let inspector = SpoolInspector()

  init(kind: SpoolInspector.Kind, usage: String) {
    self.kind = kind
    self.usage = usage
  }

  func run(_ arguments: [String]) -> Int32 {
    let verb = arguments.first ?? ""
    if ["help", "--help", "-h"].contains(verb) || arguments.contains("--help") {
      CommandLineAnswers.put(usage, on: STDOUT_FILENO)
      return 0
    }
    guard ["list", "verify", "show"].contains(verb),
      let words = SpoolWords(arguments.dropFirst()), verb == "show" || words.isPlain
    else {
      CommandLineAnswers.put(usage, on: STDERR_FILENO)
      return 2
    }
    do throws(SpoolError) {
      let directories = try directories(words)
      switch verb {
      case "list": return list(directories)
      case "verify": return verify(directories)
      default: return show(directories, words)
      }
    } catch {
      complain("\(error)")
      return 1
    }
  }

  private func complain(_ text: String) {
    CommandLineAnswers.put("weir: \(text)\n", on: STDERR_FILENO)
  }

  private func put(_ text: String) { CommandLineAnswers.put(text, on: STDOUT_FILENO) }

  private func directories(_ words: SpoolWords) throws(SpoolError) -> [String] {
    let place = try words.place()
    let found = try inspector.directories(place.root, kind, letters: place.letters)
    guard let output = words.output else { return found }
    let wanted = SpoolLayout.name(output)
    let chosen = found.filter { $0.hasSuffix("/\(wanted)") }
    if chosen.isEmpty {
      throw .unusable("there is no output \(output) here; weir \(word) list names them")
    }
    return chosen
  }

  // MARK: list

  private func list(_ directories: [String]) -> Int32 {
    if directories.isEmpty { put("nothing: no output has ever had anything here\n") }
    for directory in directories { put(line(inspector.summary(directory))) }
    return 0
  }

  private func line(_ summary: SpoolSummary) -> String {
    var text = "\(summary.name)\n"
    func add(_ name: String, _ value: String) {
      text += "  \(name)\(String(repeating: " ", count: 13 - name.utf8.count))\(value)\n"
    }
    add("folder", summary.directory)
    add("in use by", summary.owner.map { "process \($0)" } ?? "nobody")
    add("entries", "\(summary.live.entries)")
    add("items", "\(summary.live.items)")
    add("bytes", "\(summary.live.bytes)")
    add("segments", "\(summary.segments), \(summary.diskBytes) bytes")
    if let times = summary.times {
      add("oldest", JSONText.time(times.lowerBound))
      add("newest", JSONText.time(times.upperBound))
    }
    if summary.damaged > 0 {
      add("damaged", "\(summary.damaged) places; weir \(word) verify names them")
    }
    add("quarantine", "\(summary.quarantine.files) files, \(summary.quarantine.bytes) bytes")
    return text
  }

  private var word: String { kind == .spool ? "spool" : "dlq" }

  // MARK: verify

  private func verify(_ directories: [String]) -> Int32 {
    var isDamaged = false
    for directory in directories {
      let checked = inspector.verify(directory) { finding in
        put("\(finding.isDamage ? "damaged" : "note"): \(finding.description)\n")
        if finding.isDamage { isDamaged = true }
      }
      put(
        "\(directory): \(checked.amount.entries) intact entries in \(checked.segments) segments, "
          + "\(checked.amount.bytes) bytes\n")
    }
    return isDamaged ? 1 : 0
  }

  // MARK: show

  private func show(_ directories: [String], _ words: SpoolWords) -> Int32 {
    var status: Int32 = 0
    for directory in directories {
      switch kind {
      case .spool: if !showEntries(directory, words) { status = 1 }
      case .deadLetters: showLetters(directory, words)
      }
    }
    return status
  }

  /// - Returns: false when a body could not be decompressed.
  private func showEntries(_ directory: String, _ words: SpoolWords) -> Bool {
    let limit = words.limit ?? 10
    var shown = 0
    var isReadable = true
    inspector.entries(directory) { id, payload, bytes in
      let encoding = payload.encoding == 0 ? "plain" : "gzip"
      put(
        "\(directory) \(id.segment)/\(id.index) \(JSONText.time(payload.time)) "
          + "\(payload.itemEnds.count) items \(bytes) bytes \(encoding) "
          + "attempts \(payload.attempts)\n")
      if words.showsItems {
        do throws(SpoolError) {
          CommandLineAnswers.put(try SpoolBody.decompressed(payload), on: STDOUT_FILENO)
        } catch {
          complain("\(directory) \(id.segment)/\(id.index): \(error)")
          isReadable = false
        }
      }
      shown += 1
      return limit == 0 || shown < limit
    }
    return isReadable
  }

  private func showLetters(_ directory: String, _ words: SpoolWords) {
    let limit = words.limit ?? 0
    var shown = 0
    inspector.entries(directory) { id, payload, _ in
      guard let batch = DeadLetterBatch(payload) else {
        complain("\(directory) \(id.segment)/\(id.index) is no dead letter")
        return true
      }
      for place in batch.items.indices where limit == 0 || shown < limit {
        CommandLineAnswers.put(batch.line(place), on: STDOUT_FILENO)
        shown += 1
      }
      return limit == 0 || shown < limit
    }
  }
}
