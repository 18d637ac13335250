import Glibc
import Testing
import WeirDelivery
import WeirTestSupport

/// `weir spool` and `weir dlq`, through the executable of this build.
@Suite("the commands of the spool", .enabled(if: Build.hasExecutable, "no executable is built"))
struct SpoolCommandTests {
  static let hasCodec = access("\(Build.folder)/plugins/gzip.so", R_OK) == 0

  let folder = TemporaryFolder()

  /// What a command line prints on both channels, and its status.
  private func run(_ arguments: String) -> (text: String, status: Int) {
    let out = folder.path + "/out"
    let text =
      shell(
        "{ '\(Build.executable)' \(arguments); echo \"status $?\"; } > '\(out)' 2>&1; cat '\(out)'")
      ?? ""
    let last = text.split(separator: "\n").last ?? ""
    return (text, Int(last.dropFirst("status ".count)) ?? -1)
  }

  /// Appends and waits.
  private func store(_ spool: Spool, _ payload: SpoolPayload) {
    spool.append(payload) { result in #expect(result == .stored) }
    while spool.underWay > 0 { usleep(500) }
  }

  private func payload(_ text: String, items: Int, gzip: Bool = false) throws -> SpoolPayload {
    var body = Array(text.utf8)
    if gzip {
      let file = folder.write("body", text)
      let hex = try #require(shell("gzip -c '\(file)' | od -An -v -tu1"))
      body = hex.split { $0 == " " || $0 == "\n" }.compactMap { UInt8($0) }
    }
    let ends = (1...items).map { UInt32(text.utf8.count * $0 / items) }
    return SpoolPayload(
      body: body, encoding: gzip ? 1 : 0, itemEnds: ends, attempts: 2, time: 1_000_000_000)
  }

  private func open(_ output: String) throws -> Spool {
    try Spool.open(
      SpoolSettings(directory: SpoolLayout.spool(root: folder.path, output: output)))
  }

  @Test("wrong words show how it is meant, and status 2")
  func usage() {
    for words in ["spool", "spool lost", "spool list --limit 3", "spool show --limit x", "dlq"] {
      let result = run(words)
      #expect(result.status == 2 && result.text.contains("usage: weir"), "\(words)")
    }
    #expect(run("spool show --help").status == 0 && run("dlq --help").status == 0)
    #expect(run("spool list").status == 1)
    #expect(run("spool list /nonexistent").text.contains("/nonexistent"))
    #expect(run("spool list '\(folder.path)'").text.contains("nothing"))
  }

  @Test("list names each output with what waits and who has it")
  func list() throws {
    let spool = try open("es.0")
    let other = try open("a/b")
    store(spool, try payload("{}\n{}\n", items: 2))
    let result = run("spool list '\(folder.path)/'")
    #expect(result.status == 0 && result.text.contains("es.0\n"))
    #expect(result.text.contains("in use by    process \(getpid())\n"))
    #expect(result.text.contains("items        2\n"))
    #expect(result.text.contains("oldest       1970-01-01T00:00:01.000000000Z\n"))
    #expect(result.text.contains("a_b-"))
    let one = run("spool list '\(folder.path)' --output a/b")
    #expect(one.status == 0 && !one.text.contains("es.0"))
    #expect(run("spool list '\(folder.path)' --output c").status == 1)
    spool.close()
    other.close()
    #expect(run("spool list '\(folder.path)/spool/es.0'").text.contains("in use by    nobody"))
    let file = folder.write("weir.conf", "[SERVICE]\n    storage.path \(folder.path)\n")
    #expect(run("spool list -c '\(file)'").text.contains("items        2\n"))
  }

  @Test("verify answers 1 and names file and offset when a byte is not what it was")
  func verify() throws {
    let spool = try open("es.0")
    for _ in 0..<3 { store(spool, try payload("{\"a\":1}\n", items: 1)) }
    #expect(run("spool verify '\(folder.path)'").text.contains("3 intact entries"))
    spool.close()
    #expect(run("spool verify '\(folder.path)'").status == 0)
    let file = "\(folder.path)/spool/es.0/00000000000000000001.seg"
    let descriptor = Glibc.open(file, O_WRONLY)
    // The first record begins at 48; its body follows its header and four bytes of fields.
    #expect(pwrite(descriptor, "X", 1, 48 + 56 + 4 + 2) == 1)
    close(descriptor)
    let result = run("spool verify '\(folder.path)'")
    #expect(result.status == 1)
    #expect(result.text.contains("damaged: \(file): byte 48: "), "\(result.text)")
    #expect(result.text.contains("2 intact entries"))
  }

  @Test(
    "show prints entries, and with --items the records as they were before compression",
    .enabled(if: hasCodec, "no gzip.so beside the executable: run scripts/stage-plugins debug"))
  func show() throws {
    let spool = try open("es.0")
    for number in 0..<12 {
      let text = "{\"index\":{}}\n{\"n\":\(number)}\n"
      store(spool, try payload(text, items: 1, gzip: number % 2 == 1))
    }
    let short = run("spool show '\(folder.path)'")
    #expect(short.status == 0)
    #expect(short.text.split(separator: "\n").count == 11)
    #expect(short.text.contains("/es.0 1/1 1970-01-01T00:00:01.000000000Z 1 items "))
    #expect(short.text.contains(" gzip attempts 2\n"))
    let whole = run("spool show '\(folder.path)' --limit 0 --items").text
    for number in 0..<12 { #expect(whole.contains("\n{\"index\":{}}\n{\"n\":\(number)}\n")) }
    store(spool, SpoolPayload(body: [1, 2, 3], encoding: 1, itemEnds: [1]))
    let broken = run("spool show '\(folder.path)' --limit 0 --items")
    #expect(broken.status == 1 && broken.text.contains("1/12: the body"), "\(broken.text)")
  }

  @Test("dlq show prints a line of JSON for each item")
  func letters() throws {
    let letters = try DeadLetters.open(
      SpoolSettings(directory: SpoolLayout.deadLetters(root: folder.path, output: "es.0")),
      output: "es.0")
    let items = (0..<5).map { number in
      DeadLetter(
        item: Array("{\"create\":{}}\n{\"n\":\(number)}\n".utf8), status: 400,
        type: "mapper_parsing_exception", reason: "no number", index: "logs")
    }
    letters.append(items, time: 0) { result, _ in #expect(result == .stored) }
    while letters.spool.underWay > 0 { usleep(500) }
    let result = run("dlq show '\(folder.path)'")
    #expect(result.status == 0)
    for number in 0..<5 {
      let line =
        #"{"time":"1970-01-01T00:00:00.000000000Z","output":"es.0","index":"logs","status":400,"#
        + #""type":"mapper_parsing_exception","reason":"no number","#
        + #""item":"{\"create\":{}}\n{\"n\":"# + "\(number)" + #"}\n"}"# + "\n"
      #expect(result.text.contains(line), "\(result.text)")
    }
    #expect(run("dlq show '\(folder.path)' --limit 2").text.split(separator: "\n").count == 3)
    #expect(run("dlq list '\(folder.path)'").text.contains("items        5\n"))
    #expect(run("dlq verify '\(folder.path)'").status == 0)
  }

  @Test("with -c dead letters are looked for where the configuration puts them")
  func lettersElsewhere() throws {
    for (place, path) in [("refused", "\(folder.path)/refused"), ("/abs", nil)] {
      let box = path ?? folder.path + place
      let letters = try DeadLetters.open(
        SpoolSettings(directory: "\(box)/es.0"), output: "es.0")
      letters.append(
        [DeadLetter(item: Array("{}\n{}\n".utf8), status: 400, type: "t", reason: "r", index: "i")],
        time: 0
      ) { result, _ in #expect(result == .stored) }
      while letters.spool.underWay > 0 { usleep(500) }
      let file = folder.write(
        "letters.conf",
        "[SERVICE]\n    storage.path \(folder.path)\n    storage.rejected.path "
          + "\(path == nil ? box : place)\n")
      #expect(run("dlq list -c '\(file)'").text.contains("folder       \(box)/es.0\n"))
      #expect(run("dlq show -c '\(file)'").text.contains("\"type\":\"t\""))
      #expect(run("dlq verify -c '\(file)'").text.contains("1 intact entries"))
      let none = run("dlq show -c '\(file)' --output nope")
      #expect(none.status == 1)
      #expect(none.text.contains("there is no output nope here; weir dlq list names them"))
    }
  }
}
