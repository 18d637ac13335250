import Dispatch
import Glibc
import Testing
import WeirTelemetry

@Suite("the log")
struct LogTests {
  @Test("no message makes a second line or speaks to a terminal, whoever it comes from")
  func oneLine() {
    let forged =
      "bad index\n[2026/01/01 00:00:00] [info] all is well\r\t\u{1b}[2J\u{7f}\u{9b}1m\u{0}"
    #expect(
      Log.oneLine(forged)
        == #"bad index\n[2026/01/01 00:00:00] [info] all is well\r\t\x1b[2J\x7f\x9b1m\x00"#)
  }

  @Test("ordinary text stays as it is, whatever its alphabet")
  func ordinary() {
    for text in ["", "plain", #"C:\new "x""#, "größer – 日本語 🪵 ©"] {
      #expect(Log.oneLine(text) == text)
    }
  }

  @Test("it tells errors only while one of several callers wants that, and all afterwards")
  func errorsOnly() {
    DispatchQueue.concurrentPerform(iterations: 8) { index in
      Log.withErrorsOnly {
        Log.withErrorsOnly { _ = usleep(UInt32(index) * 500) }
        #expect(Log.tells(.error) && !Log.tells(.warn) && !Log.tells(.info))
      }
    }
    // Other tests of this process may want it too.
    #expect(eventually(seconds: 60) { Log.tells(.info) })
  }
}
