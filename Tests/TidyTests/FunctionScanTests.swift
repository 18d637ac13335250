import Testing

@Suite("functions are found by their layout")
struct FunctionScanTests {
  private func scan(_ path: String, _ text: String) -> [FunctionScan.Function] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return FunctionScan.functions(of: SourceFile(path: path, lines: lines))
  }

  @Test("a Swift function counts from its first line to its closing brace")
  func swiftFunction() {
    let text = """
      struct A {
        public static func f(
          _ a: Int
        ) -> Int {
          if a > 0 {
            return 1
          }
          return 0
        }

        func short() { }
        init?(_ b: Int) {
          c = b
        }
      }
      """
    #expect(
      scan("a.swift", text)
        == [.init(start: 1, lines: 8), .init(start: 10, lines: 1), .init(start: 11, lines: 3)])
  }

  @Test("a requirement of a protocol has no body")
  func requirement() {
    let text = """
      protocol P {
        func f(_ a: Int) -> Int
        func g()
      }
      """
    #expect(scan("a.swift", text).isEmpty)
  }

  @Test("a C function counts with its brace on either line, and struct bodies do not count")
  func cFunction() {
    let text = """
      static int f(int a) {
        return a;
      }
      int g(void)
      {
        return 1;
      }
      struct s {
        int x;
      };
      """
    #expect(scan("a.c", text) == [.init(start: 0, lines: 3), .init(start: 3, lines: 4)])
  }
}
