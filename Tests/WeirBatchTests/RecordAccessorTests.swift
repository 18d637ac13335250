import CWeirPlugin
import Glibc
import Testing

@testable import WeirBatch

@Suite("record accessors")
struct RecordAccessorTests {
  static let document = """
    {"k1":"string","k2":true,"k3":false,"k4":0.123456789,"k5":123456789,"k7":null,\
    "big":18446744073709551615,"esc":"a\\n\\"b\\"\\u0001","empty":"","-":"dash",\
    "k6":{"s1":{"s2":"nested","it's":"quoted","a.b/c":"dotted"},\
    "list":[1,{"x":[true,"deep"]},"é"]}}
    """

  private func render(
    _ text: String, expanding: Bool = false, tag: String = "app.web",
    captures: AccessorCaptures? = nil
  ) throws -> (text: String, isComplete: Bool) {
    let records = RecordAccessorRecords(tag: tag)
    let record = records.add(Self.document, expanding: expanding)
    let buffer = TextBuffer()
    let isComplete = try RecordAccessor(text).render(
      records.batch, record, into: buffer, captures: captures)
    return (String(decoding: buffer.bytes, as: UTF8.self), isComplete)
  }

  static let vectors: [(String, String)] = [
    ("$k1", "string"), ("$k2", "true"), ("$k3", "false"), ("$k4", "0.123457"),
    ("$k5", "123456789"), ("$k7", "null"), ("$big", "18446744073709551615"),
    ("$esc", "a\n\"b\"\u{1}"), ("$empty", ""), ("plain text", "plain text"), ("", ""),
    ("$k6['s1']['s2']", "nested"), ("$k6['s1']['it''s']", "quoted"),
    ("$k6['s1']['a.b/c']", "dotted"), ("$k6['list'][0]", "1"), ("$k6['list'][1]['x'][1]", "deep"),
    ("$k6['list'][1]['x']", "[true,\"deep\"]"), ("$k6['list'][2]", "é"),
    ("$k6['list']", "[1,{\"x\":[true,\"deep\"]},\"\\u00e9\"]"),
    ("a-$k6['s1']['s2'].log", "a-nested.log"), ("$k1.$k5", "string.123456789"),
    ("$k1 $k2,$k3\"", "string true,false\""), ("x$", "x$"), ("$", "$"),
    ("$TAG", "app.web"), ("$TAG[0]", "app"), ("$TAG[1]-x", "web-x"), ("<$TAG>", "<app.web>"),
    ("$TAGS", "app.webS"),
  ]

  @Test("renders values of every type, from raw JSON and from child fields", arguments: vectors)
  func renders(vector: (String, String)) throws {
    for expanding in [false, true] {
      let result = try render(vector.0, expanding: expanding)
      #expect(result.text == vector.1, "expanding: \(expanding)")
      #expect(result.isComplete)
    }
  }

  @Test(
    "what is missing adds nothing and is told",
    arguments: [
      "$none", "$k6['none']", "$k6['s1']['s2']['x']", "$k1['x']", "$k6['list'][9]", "$k6[0]",
      "$k6['list']['x']", "$TAG[2]", "$1", "$k7['a']",
    ])
  func missing(text: String) throws {
    for expanding in [false, true] {
      // Behind a text that no accessor takes in.
      let result = try render("<" + text, expanding: expanding)
      #expect(!result.isComplete && result.text == "<")
    }
  }

  @Test(
    "a text that cannot be an accessor is refused with the place",
    arguments: [
      ("$k['a']-x", 7), ("$a$b", 2), ("$k['a'", 6), ("$k['a", 5), ("$k[", 3), ("$k[x]", 3),
      ("$ x", 1), ("$-", 1), ("$k:", 2), ("$TAG[x]", 5), ("$TAG[1", 6), ("x$a['b']$c", 8),
      ("${X", 0),
    ])
  func refused(vector: (String, Int)) {
    #expect(throws: AccessorError.self) { try RecordAccessor(vector.0) }
    do {
      _ = try RecordAccessor(vector.0)
    } catch {
      guard case .syntax(let text, let offset, let reason) = error else { return }
      #expect(text == vector.0)
      #expect(offset == vector.1, "\(reason)")
      #expect("\(error)".contains(vector.0))
    }
  }

  @Test("a dash belongs to a name, and a dot ends it")
  func dashes() throws {
    #expect(try render("$k1-x").isComplete == false)
    #expect(try render("$k1.x").text == "string.x")
    #expect(RecordAccessor(key: "-").isTopLevelKey)
    let records = RecordAccessorRecords()
    let record = records.add(Self.document)
    #expect(RecordAccessor(key: "-").resolve(records.batch, record).isText)
  }

  @Test("of equal keys the last one counts, at the top and inside")
  func duplicates() throws {
    let records = RecordAccessorRecords()
    let json = "{\"a\":\"1\",\"b\":{\"c\":1,\"c\":\"x\"},\"a\":\"2\"}"
    for expanding in [false, true] {
      let record = records.add(json, expanding: expanding)
      let value = try RecordAccessor("$a").resolve(records.batch, record)
      #expect(value.textEquals(records.keep("2"), 1))
      let inner = try RecordAccessor("$b['c']").resolve(records.batch, record)
      #expect(inner.textEquals(records.keep("x"), 1))
    }
  }

  @Test("a resource is looked into under its key and counts as the last field")
  func resources() throws {
    let records = RecordAccessorRecords()
    let record = records.add("{\"kubernetes\":\"own\",\"a\":1}")
    let accessor = try RecordAccessor("$kubernetes['labels']['app.io/name']")
    #expect(!accessor.resolve(records.batch, record).isPresent)
    records.attach("{\"labels\":{\"app.io/name\":\"web\"}}", under: "kubernetes", to: record)
    let value = accessor.resolve(records.batch, record)
    #expect(value.textEquals(records.keep("web"), 3))
    let whole = try RecordAccessor("$kubernetes").resolve(records.batch, record)
    #expect(whole.isContainer)
  }

  @Test("keys of a batch's own table are found by their names")
  func localKeys() throws {
    let records = RecordAccessorRecords()
    let record = records.add("{}")
    let accessor = try RecordAccessor("$localKey")
    let name = records.keep("localKey")
    guard let key = records.batch.localKey(name, 8) else {
      Issue.record("the local key table is full")
      return
    }
    #expect(key & UInt32(WEIR_LOCAL_KEY) != 0)
    #expect(records.batch.append(.int(key, 5), to: record))
    #expect(accessor.resolve(records.batch, record).bits == 5)
    #expect(!(try RecordAccessor("$localKez").resolve(records.batch, record).isPresent))
  }

  @Test("captures stand for $0 to $9")
  func captures() throws {
    let owner = RecordAccessorRecords()
    let subject = owner.keep("hello world")
    defer { withExtendedLifetime(owner) {} }
    let ranges = UnsafeMutablePointer<(offset: Int, count: Int)>.allocate(capacity: 3)
    defer { ranges.deallocate() }
    ranges[0] = (0, 11)
    ranges[1] = (6, 5)
    ranges[2] = (-1, 0)
    let captures = AccessorCaptures(subject: subject, ranges: ranges, count: 3)
    let both = try render("$1-$0", captures: captures)
    #expect(both.text == "world-hello world" && both.isComplete)
    let unset = try render("$2", captures: captures)
    #expect(!unset.isComplete)
    let beyond = try render("$3", captures: captures)
    #expect(!beyond.isComplete)
    #expect(try RecordAccessor("x$3").usesCaptures)
    #expect(try !RecordAccessor("x$a").usesCaptures)
  }

  @Test("metadata is not part of the body and is found by its own way")
  func metadata() throws {
    let records = RecordAccessorRecords()
    let record = records.add("{\"a\":1}")
    let accessor = try RecordAccessor("$level")
    let key = KeyTable.shared.intern("level")
    var field = weir_field.null(UInt32(WEIR_NO_KEY))
    field.type = UInt8(WEIR_METADATA)
    field.value.children.first = records.run([.int(key, 3)])
    field.value.children.count = 1
    #expect(records.batch.append(field, to: record))
    #expect(!accessor.resolve(records.batch, record).isPresent)
    #expect(accessor.resolveMetadata(records.batch, record).bits == 3)
  }

  @Test("binary is rendered as hexadecimal digits, a number token as the float it is")
  func otherTypes() throws {
    let records = RecordAccessorRecords()
    let record = records.add("{}")
    let buffer = TextBuffer()
    let key = KeyTable.shared.intern("v")
    guard let at = records.batch.copyToScratch([0xff, 0x00, 0x1a] as [UInt8], 3),
      let token = records.batch.copyToScratch(records.keep("1e3"), 3)
    else { return }
    let segment = UInt32(WEIR_SEGMENT_SCRATCH)
    let fields = [
      weir_field.slice(key, UInt32(WEIR_BINARY), segment: segment, offset: at, length: 3),
      weir_field.slice(key, UInt32(WEIR_JSON), segment: segment, offset: token, length: 3),
    ]
    for (field, expected) in zip(fields, ["ff001a", "1000.000000"]) {
      buffer.clear()
      record.pointee.field_count = 0
      #expect(records.batch.append(field, to: record))
      try RecordAccessor("$v").render(records.batch, record, into: buffer)
      #expect(String(decoding: buffer.bytes, as: UTF8.self) == expected)
    }
  }

  @Test("a buffer keeps its bytes when it grows, and refuses beyond its bound")
  func textBuffer() {
    let buffer = TextBuffer(capacity: 8)
    for index in 0..<10_000 { buffer.append(UInt8(truncatingIfNeeded: index)) }
    #expect(buffer.count == 10_000)
    #expect((0..<10_000).allSatisfy { buffer.bytes[$0] == UInt8(truncatingIfNeeded: $0) })
    #expect(buffer.reserve(TextBuffer.bytesMax) == nil)
    #expect(buffer.isTruncated)
    buffer.clear()
    #expect(buffer.count == 0 && !buffer.isTruncated)
  }
}
