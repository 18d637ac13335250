import Testing

/// The walls of the house style that the formatter does not hold.
@Suite("the sources keep the house style")
struct StyleTests {
  static let columnsMax = 100
  static let fileLinesMax = 500
  static let functionLinesMax = 70

  @Test("the tree is found")
  func treeIsFound() {
    #expect(SourceTree.files.count > 20)
    #expect(SourceTree.files.contains { $0.path == "Package.swift" })
  }

  @Test("no line is wider than 100 columns")
  func columns() {
    for file in SourceTree.files {
      for (index, line) in file.lines.enumerated() where line.utf8.count > Self.columnsMax {
        #expect(line.unicodeScalars.count <= Self.columnsMax, "\(file.place(index))")
      }
    }
  }

  @Test("no file is longer than 500 lines")
  func fileLengths() {
    for file in SourceTree.files {
      // The line feed that ends a file leaves an empty last element.
      let count = file.lines.last?.isEmpty == true ? file.lines.count - 1 : file.lines.count
      #expect(count <= Self.fileLinesMax, "\(file.path) has \(count) lines")
    }
  }

  @Test("no function is longer than 70 lines")
  func functionLengths() {
    for file in SourceTree.files {
      for function in FunctionScan.functions(of: file) {
        #expect(
          function.lines <= Self.functionLinesMax,
          "\(file.place(function.start)) has \(function.lines) lines")
      }
    }
  }

  @Test("the sources and the plugins do without Foundation")
  func foundation() {
    for file in SourceTree.files
    where file.isSwift && (file.path.hasPrefix("Sources/") || file.path.hasPrefix("Plugins/")) {
      for (index, line) in file.lines.enumerated() where line.contains("import Foundation") {
        Issue.record("\(file.place(index)) imports Foundation")
      }
    }
  }

  @Test("what bends the type system says why that is safe")
  func safetyNotes() {
    // In two parts, so that this file does not speak of itself.
    let bending = [
      "Unmanaged" + "<", "Unmanaged" + ".", "unsafeBit" + "Cast(", "unsafeDown" + "cast(",
    ]
    for file in SourceTree.files where file.isSwift {
      for (index, line) in file.lines.enumerated() {
        guard bending.contains(where: line.contains), !isComment(line) else { continue }
        let near = file.lines[max(0, index - 12)...min(file.lines.count - 1, index + 2)]
        #expect(near.contains { $0.contains("SAFETY:") }, "\(file.place(index)) has no SAFETY note")
      }
    }
  }

  @Test("public types and functions say what they are")
  func documentation() {
    // What answers to a protocol is described there.
    let witnesses = ["openLane", "start", "stop", "resume", "finish"].map { "public func \($0)(" }
    let kinds: Set<Substring> = ["class", "struct", "enum", "protocol", "func", "actor"]
    for file in SourceTree.files where file.isSwift && file.path.hasPrefix("Sources/") {
      var before: Substring = ""
      for (index, line) in file.lines.enumerated() {
        let text = line.drop { $0 == " " }
        let words = text.split(separator: " ").prefix { !$0.contains("(") }
        if text.hasPrefix("public "), !witnesses.contains(where: text.hasPrefix),
          words.contains(where: kinds.contains)
        {
          #expect(before.hasPrefix("///"), "\(file.place(index)) has no documentation")
        }
        // Attributes stand between a declaration and what it says about itself.
        if !text.hasPrefix("@") || text.contains("public ") { before = text }
      }
    }
  }

  @Test("what is left to do has an issue")
  func openEnds() {
    let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
    for file in SourceTree.files {
      for (index, line) in file.lines.enumerated() {
        for word in words {
          guard let range = firstRange(of: word, in: line) else { continue }
          #expect(line[range...].hasPrefix("(#"), "\(file.place(index)) names no issue")
        }
      }
    }
  }

  @Test("nothing traps where an error could be told")
  func forcedTries() {
    let words = ["try" + "! ", "as" + "! "]
    for file in SourceTree.files where file.isSwift {
      for (index, line) in file.lines.enumerated() where !isComment(line) {
        #expect(!words.contains { line.contains($0) }, "\(file.place(index))")
      }
    }
  }

  private func isComment(_ line: Substring) -> Bool {
    line.drop { $0 == " " }.hasPrefix("//")
  }

  /// Where the text behind the first `word` of a line begins.
  private func firstRange(of word: String, in line: Substring) -> Substring.Index? {
    guard line.contains(word) else { return nil }
    var rest = line
    while !rest.isEmpty {
      if rest.hasPrefix(word) { return rest.index(rest.startIndex, offsetBy: word.count) }
      rest = rest.dropFirst()
    }
    return nil
  }
}
