import Testing

@testable import WeirParsers

@Suite("Regular-expression matching") struct RegexMatcherTests {
  @Test("invalid UTF-8 goes to the byte-mode twin and still matches")
  func invalidText() throws {
    let regex = try Regex(#"^(?<m>\S+) (?<rest>.*)$"#)
    let matcher = RegexMatcher()
    let subject: [UInt8] = [0x61, 0xFF, 0xFE, 0x20, 0xC3, 0x28]
    subject.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      #expect(matcher.search(regex, base, buffer.count))
      #expect(matcher.range(1)?.count == 3)
      #expect(matcher.range(2)?.offset == 4)
    }
    #expect(matcher.counters.invalidSubjects == 1)
  }

  @Test("a pattern with characters beyond bytes works on both kinds of text")
  func nonASCIIPattern() throws {
    #expect(try found("Zürich [äöü]+", "in Zürich öä!") == "Zürich öä")
    let invalid = Array("Zürich öä ".utf8) + [0xFF]
    #expect(try captures("(?<m>Zürich [äöü]+)", invalid) == ["m": "Zürich öä"])
    #expect(try captures("(?<m>[^é ]+é)", [0xFF] + Array(" aé".utf8)) == ["m": "aé"])
  }

  @Test("ASCII, UTF-8 and unknown text give the same captures")
  func subjectKinds() throws {
    for text in [SubjectText.ascii, .utf8, .unknown] {
      #expect(try found(#"b\b.(\w+)"#, "ab cd", text) == "b cd")
    }
    #expect(try found("é+", "aéé", .utf8) == "éé")
  }

  @Test("a match at the start may end anywhere but not be empty")
  func matchAtStart() throws {
    let matcher = RegexMatcher()
    func atStart(_ pattern: String, _ subject: String) throws -> Bool {
      let regex = try Regex(pattern)
      return Array(subject.utf8).withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { matcher.matchAtStart(regex, $0, buffer.count) } ?? false
      }
    }
    #expect(try atStart("kube", "kube.var"))
    #expect(try !atStart("var", "kube.var"))
    #expect(try !atStart("x*", "kube"))
    #expect(try atStart(#".*\.var"#, "kube.var.log"))
  }

  @Test("an optional group that took no part has no range, an empty one has")
  func optionalGroups() throws {
    let regex = try Regex("^(?<a>x)?(?<b>y*)$")
    let matcher = RegexMatcher()
    "z".utf8.withContiguousStorageIfAvailable { buffer in
      if let base = buffer.baseAddress { #expect(matcher.search(regex, base, 0)) }
    }
    #expect(matcher.range(1) == nil)
    #expect(matcher.range(2)?.count == 0)
  }

  @Test("more captures than the lane has room for make it grow")
  func manyCaptures() throws {
    let pattern = (0..<100).map { "(?<n\($0)>[a-z])" }.joined()
    let subject = String(repeating: "abcdefghij", count: 10)
    let result = try captures(pattern, subject)
    #expect(result?.count == 100)
    #expect(result?["n99"] == "j")
  }

  @Test("runaway backtracking ends at a limit and is counted")
  func limits() throws {
    let regex = try Regex(#"^(?:(?:a|a)*)*(?<x>[bc])$"#)
    let matcher = RegexMatcher()
    let subject = [UInt8](repeating: UInt8(ascii: "a"), count: 64)
    subject.withUnsafeBufferPointer { buffer in
      if let base = buffer.baseAddress { #expect(!matcher.search(regex, base, buffer.count)) }
    }
    #expect(matcher.counters.limitHits == 1)
  }

  @Test("a subject that exhausts the JIT stack is matched without the JIT, and counted")
  func jitStack() throws {
    let regex = try Regex(#"^(?<all>(?:(?<c>[a-z])|\d)+)$"#)
    let matcher = RegexMatcher()
    let subject = [UInt8](repeating: UInt8(ascii: "a"), count: 40_000)
    subject.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let found = matcher.search(regex, base, buffer.count)
      let counters = matcher.counters
      #expect(found || counters.limitHits > 0)
      if found { #expect(matcher.range(1)?.count == 40_000) }
    }
  }

  @Test("the required literal of a pattern is in every match")
  func requiredLiteral() throws {
    let cases: [(String, String)] = [
      ("id=(?<id>\\d+)", "id="), ("ab?cd", "cd"), ("abc*d", "ab"), ("abc+d", "abc"),
      ("ab|cd", ""), ("(?i)abc", ""), ("a\\.b\\[c", "a.b[c"), ("x{2}yz", "yz"), ("(abc)d", "d"),
    ]
    for (pattern, literal) in cases {
      let translated = try RubyPattern(pattern)
      #expect(String(decoding: translated.literal, as: UTF8.self) == literal, "\(pattern)")
    }
    #expect(try found("panic: (?<m>.*)", "goroutine panic: boom") == "panic: boom")
    #expect(try found("panic: (?<m>.*)", "nothing here") == nil)
  }

  @Test("random ASCII subjects give the same ranges in both modes")
  func twinAgrees() throws {
    let seed: UInt64 = 0x5EED_0001
    var state = seed
    func next(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    let patterns = [
      #"^(?<a>\w+)[ :](?<b>[^ ]*)(?: (?<c>\d+))?"#, #"(?<x>[[:punct:]]+)\b(?<y>\h*)"#,
      #"(?<k>[a-f&&[^c]]+)=(?<v>"[^"]*"|\S+)"#, #"\b(?<w>[A-Z]\w{2,}?)\b"#,
    ]
    let alphabet = Array("abcdef ABC019:=\"._-\n\t".utf8)
    let matcher = RegexMatcher()
    for pattern in patterns {
      let regex = try Regex(pattern)
      for round in 0..<300 {
        let subject = (0..<(1 + next(40))).map { _ in alphabet[next(UInt64(alphabet.count))] }
        subject.withUnsafeBufferPointer { buffer in
          guard let base = buffer.baseAddress else { return }
          var ranges: [[Int]] = []
          for text in [SubjectText.ascii, .utf8] {
            guard matcher.search(regex, base, buffer.count, text) else {
              ranges.append([])
              continue
            }
            ranges.append(
              (0...regex.captureCount).flatMap { group in
                matcher.range(group).map { [$0.offset, $0.count] } ?? [-1]
              })
          }
          #expect(ranges[0] == ranges[1], "seed \(seed) round \(round) pattern \(pattern)")
        }
      }
    }
  }
}
