import Testing

@testable import WeirParsers

@Suite("Ruby patterns") struct RubyPatternTests {
  @Test("with a named group plain groups don't capture")
  func plainGroupsBesideNames() throws {
    let regex = try Regex(#"^(\w+) (?<second>\w+) (?:x|y) (z+)"#)
    #expect(regex.captureCount == 1)
    #expect(try captures(regex.source, "one two x zzz tail") == ["second": "two"])
    #expect(try Regex(#"^(\w+) (\w+)$"#).captureCount == 2)
    #expect(try Regex(#"^(\w+) (\w+)$"#).captures.isEmpty)
  }

  @Test("slashes and flags around a pattern are taken off")
  func wrapping() throws {
    #expect(try found("/a.c/", "xabcx") == "abc")
    #expect(try found("/A.C/i", "xabcx") == "abc")
    #expect(try found("/a.c/", "a\nc") == nil)
    #expect(try found("/a.c/m", "a\nc") == "a\nc")
    #expect(try found("/a b # comment\n c/x", "abc") == "abc")
    #expect(try found("/usr/bin", "x/usr/bin") == "/usr/bin", "bin is no flag")
    #expect(try found("/", "a/b") == "/")
  }

  @Test("line anchors always see lines, and (?m) lets the dot match a newline")
  func anchors() throws {
    #expect(try found("^b$", "a\nb\nc") == "b")
    #expect(try found(#"\Ab"#, "a\nb") == nil)
    #expect(try found(#"b\Z"#, "a\nb\n") == "b")
    #expect(try found(#"b\z"#, "a\nb\n") == nil)
    #expect(try found("a.b", "a\nb") == nil)
    #expect(try found("(?m)a.b", "a\nb") == "a\nb")
    #expect(try found("(?m:a.b)c.d", "a\nbc\nd") == nil)
  }

  @Test("quantifiers mean what they mean in Ruby")
  func quantifiers() throws {
    #expect(try found("a{2,3}+b", "aaaaab") == "aaaaab", "an interval repeated, not possessive")
    #expect(try found("a++ab", "aaab") == nil, "possessive")
    #expect(try found("a*+b", "aaab") == "aaab")
    #expect(try found("a{,2}b", "aaab") == "aab", "a missing lower bound is zero")
    #expect(try found("a{2}?b", "b") == "b", "a fixed count with ? is optional")
    #expect(try found("a{1,3}?", "aaa") == "a")
    #expect(try found("x{,}", "x{,}") == "x{,}", "a brace that is no interval")
    #expect(try found("{a", "{a") == "{a")
    #expect(try found("(?:a**)b", "aab") == "aab", "a repeated repeat")
    #expect(try found("^*a", "a") == "a", "a repeated anchor")
    #expect(try found("(?<n>ab){2}", "xababx") == "abab")
    #expect(refusal("*a")?.contains("target of a repeat") == true)
    #expect(refusal("a|+")?.contains("target of a repeat") == true)
  }

  @Test("hexadecimal digit escapes and Ruby's other letters")
  func escapes() throws {
    #expect(try found(#"\h+"#, "xyz0aF9g") == "0aF9")
    #expect(try found(#"\H+"#, "abcxyz") == "xyz")
    #expect(try found(#"[\h]+-[^\h]"#, "zz12-q") == "12-q")
    #expect(try found(#"a\vb"#, "a\u{B}b") == "a\u{B}b")
    #expect(try found(#"a\vb"#, "a\nb") == nil)
    #expect(try found(#"\x41\u00e9\x{1F600}"#, "Aé😀") == "Aé😀")
    #expect(try found(#"\xC3\xA9+"#, "éé") == "éé", "byte escapes that spell a character")
    #expect(try found(#"\101\tb"#, "A\tb") == "A\tb")
    #expect(try found(#"\Qa\E"#, "QaE") == "QaE", "no quoting in Ruby")
    #expect(try found(#"\<\>\-\/\""#, "<>-/\"") == "<>-/\"")
    #expect(refusal(#"\xC3z"#)?.contains("UTF-8") == true)
    #expect(refusal("a\\")?.contains("escape") == true)
  }

  @Test("references by name, and calls of groups")
  func references() throws {
    let quoted = #"^(?<q>["'])(?<text>.*?)\k<q> (?<w>\w+) \k'w'$"#
    #expect(try captures(quoted, "'one' x x") == ["q": "'", "text": "one", "w": "x"])
    #expect(try captures(quoted, "'one\" x x") == nil)
    #expect(try found(#"(a|b)\1"#, "abb") == "bb")
    #expect(try found(#"(?<n>\((?:[^()]|\g<n>)*\))"#, "x(a(b)c)y") == "(a(b)c)")
    #expect(refusal(#"(?<n>a)\1"#)?.contains("use the name") == true)
    #expect(refusal(#"(?<n>a)\k<m>"#)?.contains("undefined name") == true)
  }

  @Test("a name may be used twice")
  func duplicates() throws {
    let regex = try Regex(#"^(?:a(?<n>\d)|b(?<n>\w))$"#)
    #expect(regex.captures == [.init(name: "n", group: 1), .init(name: "n", group: 2)])
    #expect(regex.captureNames == ["n"])
    #expect(try captures(regex.source, "a1") == ["n": "1"])
    #expect(try captures(regex.source, "bz") == ["n": "z"])
    #expect(try found(#"(?<n>a)|(?<n>b)\k<n>"#, "bb") == "bb")
  }

  @Test("names may be long and use any letters")
  func names() throws {
    let long = String(repeating: "n", count: 80)
    #expect(try captures("(?<\(long)>x)", "x") == [long: "x"])
    #expect(try captures("(?<größe>\\d+)(?'k.8s-x'z)", "12z") == ["größe": "12", "k.8s-x": "z"])
    #expect(try Regex("(?<b>x)(?<a>y)").captureNames == ["b", "a"])
  }

  @Test("classes: intersections, nesting, POSIX brackets, odd members")
  func classes() throws {
    #expect(try found("[a-z&&[^aeiou]]+", "aebcdi") == "bcd")
    #expect(try found("[^a-c&&b-z]+", "abczd") == "a", "the intersection is negated as a whole")
    #expect(try found("[a[0-9]z]+", "xx1a9zq") == "1a9z")
    #expect(try found("[[:alpha:]]+", "12Žluť3") == "Žluť")
    #expect(try found("[[:^alpha:]]+", "ab1é2") == "1")
    #expect(try found("[^[:digit:]x]+", "1xab2") == "ab")
    #expect(try found("[[:^alnum:]_]+", "ab_-!c") == "_-!")
    #expect(try found("[[:punct:]]+", "a$+,:b") == "$+,:")
    #expect(try found("[]a]+", "x]a]") == "]a]")
    #expect(try found("[^]]+", "]ab]") == "ab")
    #expect(try found(#"[a\]b-]+"#, "x-]ba") == "-]ba")
    #expect(try found(#"[a-\d]+"#, "x-1a") == "-1a")
    #expect(try found(#"[\b\t]"#, "a\u{8}") == "\u{8}")
    #expect(try found("[é-ü]+", "aéñz") == "éñ")
    #expect(try found(#"[[a-z]&&[^b]&&\w]+"#, "bbacb") == "ac")
    #expect(refusal("[]")?.contains("empty character class") == true)
    #expect(refusal("[z-a]")?.contains("empty range") == true)
    #expect(refusal("[a")?.contains("without its end") == true)
    #expect(refusal("[[:nope:]]") != nil)
  }

  @Test("properties by POSIX, category and script names")
  func properties() throws {
    #expect(try found(#"\p{Alpha}+\P{Alpha}"#, "1éa2") == "éa2")
    #expect(try found(#"\p{Uppercase_Letter}\p{^Lu}"#, "aBc") == "Bc")
    #expect(try found(#"\p{Greek}+"#, "abγδ") == "γδ")
    #expect(try found(#"[\p{Digit}\p{Lu}]+"#, "aB3c") == "B3")
    #expect(refusal(#"\p{Nonsense}"#) != nil)
  }

  @Test("letters and digits are ASCII, word boundaries and brackets are Unicode")
  func alphabets() throws {
    #expect(try found(#"\w+"#, "éa") == "a")
    #expect(try found(#"(?u)\w+"#, "éa") == "éa")
    #expect(try found(#"\bz"#, "éz z") == "z")
    #expect(try found(#"é\b."#, "éz é-") == "é-")
    #expect(try found(#"(?a)\bz"#, "éz") == "z")
  }

  @Test("an isolated option reaches across alternatives to the end of its group")
  func isolatedOptions() throws {
    #expect(try found("a(?i)b|c", "aC") == "aC", "it reads a(?i:b|c)")
    #expect(try found("a(?i)b|c", "C") == nil)
    #expect(try found("(?:x(?i)a)B", "xAb") == nil)
    #expect(try found("(?:x(?i)a)B", "xAB") == "xAB")
    #expect(try found("(?i:a)(?-i)A", "aa") == nil)
    #expect(try found("(?x) a # one\n b", "ab") == "ab")
    #expect(try found("(?x: a b )c d", "abc d") == "abc d")
  }

  @Test("look-around, atomic groups, conditions and comments")
  func groups() throws {
    #expect(try found(#"(?<=[a-z])\d+(?=;)"#, "1;a22;") == "22")
    #expect(try found(#"(?<!a)b(?!c)"#, "abc bc bd") == "b")
    #expect(try found("(?>a+)ab", "aaab") == nil)
    #expect(try found("a(?#a comment \\) here)b", "ab") == "ab")
    #expect(try found(#"^(?<o><)?a(?(<o>)>|!)$"#, "<a>") == "<a>")
    #expect(try found(#"^(?<o><)?a(?(<o>)>|!)$"#, "<a!") == nil)
    #expect(refusal("(?~abc)")?.contains("absence operator") == true)
    #expect(refusal("(a")?.contains("unmatched") == true)
    #expect(refusal("a)")?.contains("unmatched") == true)
    #expect(refusal("(?y)a")?.contains("undefined group option") == true)
    #expect(refusal("(*ACCEPT)a") != nil, "PCRE2's verbs are not Ruby")
  }

  @Test("the expression of the conformance case for Ruby syntax")
  func rubyCase() throws {
    let pattern =
      #"\A(?<hex>\h++)(?<sep>[[:punct:]])(?<word>(?>[[:alpha:]]+))(?<num>(?<=[a-z])\d+(?=;));"#
      + #"(?i:(?<mode>ON|OFF))(?<rest>[^\n]*)\z"#
    let first = try captures(pattern, "dead:beef12;on tail")
    #expect(
      first == [
        "hex": "dead", "sep": ":", "word": "beef", "num": "12", "mode": "on", "rest": " tail",
      ])
    #expect(try captures(pattern, "zz:abc1;on") == nil)
  }
}
