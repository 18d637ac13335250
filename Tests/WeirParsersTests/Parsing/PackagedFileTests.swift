import Glibc
import Testing
import WeirConfig

@testable import WeirParsers

/// `config/parsers.conf` is for reading, copying and changing; the parsers that are there without
/// it are the same.
@Suite("The file of packaged parsers")
struct PackagedFileTests {
  private static let path: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(4).joined(separator: "/") + "/config/parsers.conf"
  }()

  @Test("defines what is there without it")
  func same() throws {
    if getenv("WEIR_UPDATE_GOLDEN") != nil { try update() }
    var options = CommandLineOptions()
    options.parserFiles = [ConfigNode(text: Self.path)]
    let loaded = ConfigLoader(environment: Environment(process: [:])).load(options)
    let inFile = loaded.configuration.parsers
    #expect(inFile.count == PackagedParsers.definitions.count)
    for packaged in PackagedParsers.definitions {
      var other = try #require(inFile.first { $0.name == packaged.name }, "\(packaged.name)")
      other.location = packaged.location
      #expect(
        other == packaged,
        "run: WEIR_UPDATE_GOLDEN=1 swift test --filter WeirParsersTests, \(packaged.name)")
    }
  }

  /// Puts the expressions into their places; comments and everything else stay.
  private func update() throws {
    let text = String(decoding: try SystemConfigFiles().read(Self.path).get(), as: UTF8.self)
    var name = ""
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      if words.count == 2, words[0] == "Name" { name = String(words[1].drop { $0 == " " }) }
      let regex = PackagedParsers.definitions.first { $0.name == name }?.regex
      guard words.first == "Regex", let regex else { return String(line) }
      return "    Regex       \(regex)"
    }
    let file = try #require(fopen(Self.path, "w"))
    fputs(lines.joined(separator: "\n"), file)
    fclose(file)
  }
}
