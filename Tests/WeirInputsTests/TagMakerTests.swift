import Testing
import WeirParsers

@testable import WeirInputs

@Suite("tags of files")
struct TagMakerTests {
  func tag(_ template: String, _ path: String, regex: String? = nil) throws -> String? {
    let maker = TagMaker(tag: template, regex: try regex.map { try Regex($0) })
    return maker.tag(for: Array(path.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test("the first star is the path, sanitised with everything around it")
  func star() throws {
    let path = "/var/log/containers/a_b_c-12.log"
    #expect(try tag("kube.*", path) == "kube.var.log.containers.a_b_c-12.log")
    #expect(try tag("*", path) == "var.log.containers.a_b_c-12.log")
    #expect(try tag("a.*.b.*.c", "/x/a.log") == "a.x.a.log.b.c")
    #expect(try tag("p:q\\*", "/x:y/z.") == "p.q.x.y.z")
    #expect(try tag("plain", path) == "plain")
  }

  @Test("tag_regex fills placeholders, unsanitised; what took no part is an underscore")
  func regex() throws {
    let regex = #"/in/(?<a>[a-z]+)(?:-(?<b>\d+))?(?<c>x*)\.log$"#
    #expect(try tag("t:<a>/<b>.<zz>.<a>.<c>", "/in/web-12.log", regex: regex) == "t:web/12._.web._")
    #expect(try tag("t:<a>/<b>", "/in/api.log", regex: regex) == "t:api/_")
    #expect(try tag("<a>", "/in/12.log", regex: regex) == nil)
    #expect(try tag("x<", "/in/api.log", regex: regex) == "x<")
  }
}

@Suite("globs")
struct GlobTests {
  @Test("components match as glob(3) does")
  func matching() {
    let pattern = GlobPattern(Array("/var/log/[ab]*/.x?.log".utf8))
    #expect(pattern.components.count == 4)
    #expect(pattern.matches(2, Array("apple".utf8)))
    #expect(!pattern.matches(2, Array("cherry".utf8)))
    #expect(pattern.matches(3, Array(".xy.log".utf8)))
    #expect(!GlobPattern(Array("*".utf8)).matches(0, Array(".hidden".utf8)))
  }

  @Test("rotated names are told from others, and ordered oldest first")
  func siblings() {
    let folder = Folder()
    for name in [
      "0.log", "0.log.20261122-101500", "0.log.20261122-101400.gz", "0.log.20261122-101500.tmp",
      "10.log", "0.log.20261122-101500.gz", "0.log.bak", "app.log", "app.log.1", "app.log.2.gz",
      "app.log.10.gz", "app.log-x",
    ] {
      folder.write(name, "x")
    }
    let listing = DirectoryListing()
    func names(_ name: String) -> [String] {
      listing.siblings(Array(folder.path.utf8), Array(name.utf8)).map {
        String(decoding: splitPath($0.path).name, as: UTF8.self)
      }
    }
    #expect(names("0.log") == ["0.log.20261122-101400.gz", "0.log.20261122-101500"])
    #expect(names("app.log") == ["app.log.10.gz", "app.log.2.gz", "app.log.1"])
    #expect(DirectoryListing.stem(Array("0.log.20261122-101400.gz".utf8)) == Array("0.log".utf8))
    #expect(DirectoryListing.stem(Array("0.log".utf8)) == Array("0.log".utf8))
  }
}
