import Glibc
import Testing

/// What the built files link against, and what they show to others.
@Suite("the built files link to what the design allows")
struct LinkageTests {
  /// The release executable: `WEIR_BIN`, else where `scripts/build` leaves it.
  static let executable: String = {
    if let named = getenv("WEIR_BIN") { return String(cString: named) }
    return SourceTree.root + "/.build/release/weir"
  }()

  static let plugins =
    executable.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast().joined(separator: "/") + "/plugins"

  static let isBuilt = access(executable, X_OK) == 0 && access(plugins, R_OK) == 0

  @Test(
    "the host names neither libyaml nor libz nor libcurl nor Foundation",
    .enabled(if: LinkageTests.isBuilt, "no release build: run scripts/build first"))
  func host() throws {
    let listing = try #require(shell("readelf -d '\(Self.executable)'"))
    #expect(listing.contains("(NEEDED)"))
    for name in ["libyaml", "libz.", "libcurl", "Foundation", "libicu", "FoundationEssentials"] {
      let lines = listing.split(separator: "\n").filter { $0.contains("(NEEDED)") }
      #expect(!lines.contains { $0.contains(name) }, "the host links \(name)")
    }
  }

  @Test(
    "a plugin shows one symbol, its entry function",
    .enabled(if: LinkageTests.isBuilt, "no release build: run scripts/build first"),
    arguments: ["yaml", "gzip", "elasticsearch", "sample_redact", "sample_output"])
  func pluginSymbols(name: String) throws {
    let path = "\(Self.plugins)/\(name).so"
    let listing = try #require(shell("nm -D --defined-only '\(path)'"))
    // Capital letters are what others can bind to. A version-script node shows as an absolute
    // symbol (A); local ones, which the table lists for relocations, show in small letters.
    let symbols = listing.split(separator: "\n").compactMap { line -> Substring? in
      let words = line.split(separator: " ")
      guard words.count == 3, words[1] != "A", words[1] == words[1].uppercased() else { return nil }
      return words[2]
    }
    #expect(symbols == ["weir_plugin_entry_v1"])
  }
}
