import Testing

@testable import WeirConfig

@Suite("Value grammar")
struct ValueGrammarTests {
  @Test("sizes use decimal units, false is no limit, and garbage is refused")
  func sizes() {
    #expect(ValueGrammar.size("32768") == 32768)
    #expect(ValueGrammar.size("5MB") == 5_000_000)
    #expect(ValueGrammar.size("64k") == 64_000)
    #expect(ValueGrammar.size("1g") == 1_000_000_000)
    #expect(ValueGrammar.size("false") == 0)
    #expect(ValueGrammar.size("12x") == nil)
    #expect(ValueGrammar.size("") == nil)
    #expect(ValueGrammar.size("9223372036854775807G") == nil)
    #expect(ValueGrammar.binarySize("2MB") == 2 * 1024 * 1024)
  }

  @Test("times take s, m, h and d")
  func times() {
    #expect(ValueGrammar.seconds("30") == 30)
    #expect(ValueGrammar.seconds("5m") == 300)
    #expect(ValueGrammar.seconds("2H") == 7200)
    #expect(ValueGrammar.seconds("1d") == 86_400)
    #expect(ValueGrammar.seconds("1w") == nil)
    #expect(ValueGrammar.seconds("-1") == -1)
  }

  @Test("a space list groups by double quotes, unescapes only quotes, and ends with the rest")
  func spaceLists() {
    #expect(ValueGrammar.spaceList(#"c "three words here""#) == ["c", "three words here"])
    #expect(ValueGrammar.spaceList(#"a "x \" y \n" b"#) == ["a", #"x " y \n"#, "b"])
    #expect(ValueGrammar.spaceList("log  ^a b  c ", max: 1) == ["log", "^a b  c"])
    #expect(ValueGrammar.spaceList(#"inner a"b"c"#) == ["inner", #"a"b"c"#])
    #expect(ValueGrammar.spaceList(#"open "never closed"#) == ["open", "\"never", "closed"])
    #expect(ValueGrammar.spaceList("   ").isEmpty)
  }

  @Test("the list of the modify filter quotes with both marks")
  func quoteAware() {
    #expect(ValueGrammar.quoteAwareList(#"text "two  blanks""#) == ["text", "two  blanks"])
    #expect(ValueGrammar.quoteAwareList("color '#fff'") == ["color", "#fff"])
    #expect(ValueGrammar.quoteAwareList(#"a 'it\'s \\ \n'"#) == ["a", #"it's \ \n"#])
    #expect(ValueGrammar.quoteAwareList("a '' b") == ["a", "", "b"])
  }

  @Test("unquoted scalars get a type, quoted ones stay text")
  func typedScalars() {
    #expect(ConfigScalar(text: "12").typed == .integer(12))
    #expect(ConfigScalar(text: "-1.5e3").typed == .double(-1500))
    #expect(ConfigScalar(text: "On").typed == .bool(true))
    #expect(ConfigScalar(text: "null").typed == .null)
    #expect(ConfigScalar(text: "inf").typed == .text("inf"))
    #expect(ConfigScalar(text: "12", style: .singleQuoted).typed == .text("12"))
  }

  @Test("getters name place, key, value and what is accepted")
  func getterErrors() throws {
    let place = SourceLocation(file: "a.conf", line: 7, column: 3)
    let instance = InstanceConfig(
      kind: .input, plugin: "Tail",
      properties: [
        Property(key: "Skip_Long_Lines", node: ConfigNode(text: "maybe", at: place)),
        Property(key: "rotate_wait", node: ConfigNode(text: "9s", at: place)),
      ])
    #expect(instance.name == "tail.0")
    #expect {
      try instance.bool("skip_long_lines")
    } throws: { error in
      "\(error)"
        == "a.conf:7:3: error: skip_long_lines: \"maybe\" is not accepted; accepted is true, "
        + "on, yes, false, off or no"
    }
    #expect(try instance.seconds("rotate_wait") == 9)
    #expect(try instance.size("buffer_max_size") == 32768)
    #expect(try instance.bool("read_from_head") == false)
    #expect(try instance.bool("inotify_watcher"))
    #expect(instance.text("key") == "log")
  }

  @Test("the nearest word is found across a typing mistake, and only then")
  func suggestions() {
    #expect(nearest("pathh", in: ["path", "parser"]) == "path")
    #expect(nearest("parsre", in: ["path", "parser"]) == "parser")
    #expect(nearest("elephant", in: ["path", "parser"]) == nil)
  }
}
