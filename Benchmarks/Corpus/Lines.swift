/// What a corpus consists of.
enum Kind: String, CaseIterable {
  /// Container logs as the CRI writes them: plain text, web access and JSON lines mixed, one in a
  /// thousand lines split into `P` parts.
  case cri
  /// Web access lines as the CRI writes them.
  case criNginx = "cri-nginx"
  /// Docker's json-file format.
  case docker
  /// nginx access lines.
  case nginx
  /// One JSON object per line, as applications log.
  case json
  /// Java log lines, a tenth of them followed by a stack trace.
  case java
  /// Nothing but line feeds, 4096 of them to an event.
  case blank
}

/// Writes the lines of one corpus; everything it draws comes from the seed.
struct LineSource {
  private let vocabulary = Vocabulary()
  private var random: Random
  private var clock = Clock()
  private var serial = 0

  init(seed: UInt64) { random = Random(seed: seed) }

  /// Writes one event, which is one line, or for traces several.
  mutating func putEvent(_ kind: Kind, _ out: inout LineWriter) {
    clock.advance(&random)
    serial &+= 1
    switch kind {
    case .cri: putCRI(&out)
    case .criNginx:
      putCRIHead("stdout F ", &out)
      putAccess(&out)
      out.put("\n")
    case .docker: putDocker(&out)
    case .nginx:
      putAccess(&out)
      out.put("\n")
    case .json:
      putObject(&out)
      out.put("\n")
    case .java: putJava(&out)
    case .blank:
      for _ in 0..<512 { out.put("\n\n\n\n\n\n\n\n") }
    }
  }

  private mutating func putCRIHead(_ head: StaticString, _ out: inout LineWriter) {
    clock.putRFC3339(&out)
    out.put(" ")
    out.put(head)
  }

  private mutating func putCRI(_ out: inout LineWriter) {
    let isSplit = random.below(1000) == 0
    if isSplit {
      for _ in 0...random.below(3) {
        putCRIHead("stdout P ", &out)
        for _ in 0..<20 { putSentence(&out) }
        out.put("\n")
      }
    }
    if !isSplit && random.below(8) == 0 {
      putCRIHead("stderr F ", &out)
    } else {
      putCRIHead("stdout F ", &out)
    }
    switch random.below(4) {
    case 0: putAccess(&out)
    case 1: putObject(&out)
    default: putSentence(&out)
    }
    out.put("\n")
  }

  private mutating func putDocker(_ out: inout LineWriter) {
    out.put(#"{"log":""#)
    if random.below(3) == 0 {
      // Quotes inside a line of text arrive escaped.
      out.put(#"level=info msg=\""#)
      putSentence(&out)
      out.put(#"\""#)
    } else {
      putSentence(&out)
    }
    if random.below(8) == 0 {
      out.put(#"\n","stream":"stderr","time":""#)
    } else {
      out.put(#"\n","stream":"stdout","time":""#)
    }
    clock.putRFC3339(&out)
    out.put("\"}\n")
  }

  private mutating func putSentence(_ out: inout LineWriter) {
    out.put(vocabulary.services.pick(&random))
    out.put("[")
    out.put(1 &+ random.below(65_000))
    out.put("]: ")
    out.put(vocabulary.messages.pick(&random))
    out.put(" ")
    out.put(vocabulary.nouns.pick(&random))
    out.put("=")
    out.put(hex: random.next(), digits: 12)
    out.put(" took=")
    out.put(random.below(9000))
    out.put("us n=")
    out.put(serial)
  }

  private mutating func putAccess(_ out: inout LineWriter) {
    let draw = random.next()
    out.put("10.")
    out.put(Int(truncatingIfNeeded: draw & 255))
    out.put(".")
    out.put(Int(truncatingIfNeeded: draw >> 8 & 255))
    out.put(".")
    out.put(Int(truncatingIfNeeded: draw >> 16 & 255))
    out.put(" - ")
    out.put(vocabulary.users.pick(&random))
    out.put(" [")
    clock.putAccessTime(&out)
    out.put("] \"")
    out.put(vocabulary.methods.pick(&random))
    out.put(" ")
    out.put(vocabulary.paths.pick(&random))
    out.put("?id=")
    out.put(Int(truncatingIfNeeded: draw >> 40 & 0xFFFF))
    out.put(" HTTP/1.1\" ")
    out.put(vocabulary.codes.pick(&random))
    out.put(" ")
    out.put(random.below(120_000))
    out.put(" \"https://shop.example")
    out.put(vocabulary.paths.pick(&random))
    out.put("\" \"")
    out.put(vocabulary.agents.pick(&random))
    out.put("\"")
  }

  private mutating func putObject(_ out: inout LineWriter) {
    out.put(#"{"ts":""#)
    clock.putRFC3339(&out)
    out.put(#"","level":""#)
    out.put(vocabulary.levels.pick(&random))
    out.put(#"","service":""#)
    out.put(vocabulary.services.pick(&random))
    out.put(#"","msg":""#)
    out.put(vocabulary.nouns.pick(&random))
    out.put(" ")
    out.put(vocabulary.verbs.pick(&random))
    out.put(#"","trace_id":""#)
    out.put(hex: random.next(), digits: 16)
    out.put(#"","duration_ms":"#)
    out.put(random.below(2000))
    out.put(".")
    out.put(random.below(1000), digits: 3)
    out.put(#","ok":"#)
    if random.below(10) == 0 { out.put("false") } else { out.put("true") }
    out.put(#","http":{"method":""#)
    out.put(vocabulary.methods.pick(&random))
    out.put(#"","path":""#)
    out.put(vocabulary.paths.pick(&random))
    out.put(#"","status":"#)
    out.put(vocabulary.codes.pick(&random))
    out.put(#"},"tags":["prod","eu-"#)
    out.put(random.below(4))
    out.put(#""],"n":"#)
    out.put(serial)
    out.put("}")
  }

  private mutating func putJava(_ out: inout LineWriter) {
    clock.putLoggerTime(&out)
    if random.below(10) != 0 {
      out.put(" INFO  [http-nio-8080-exec-")
      out.put(random.below(64))
      out.put("] c.e.shop.")
      putSentence(&out)
      out.put("\n")
      return
    }
    out.put(" ERROR [http-nio-8080-exec-")
    out.put(random.below(64))
    out.put("] c.e.shop.OrderController - request failed\n")
    out.put(vocabulary.exceptions.pick(&random))
    out.put(": ")
    out.put(vocabulary.messages.pick(&random))
    out.put("\n")
    for _ in 0..<(4 &+ random.below(24)) {
      out.put("\tat ")
      out.put(vocabulary.frames.pick(&random))
      out.put("(Source.java:")
      out.put(1 &+ random.below(900))
      out.put(")\n")
    }
    out.put("Caused by: ")
    out.put(vocabulary.exceptions.pick(&random))
    out.put(": ")
    out.put(vocabulary.verbs.pick(&random))
    out.put("\n\t... ")
    out.put(random.below(60))
    out.put(" more\n")
  }
}
