import Testing
import WeirSystem
import WeirTelemetry

@testable import WeirPipeline

private let second: Int64 = 1_000_000_000

@Suite("What the log says of deliveries")
struct DeliveryNewsTests {
  private final class Lines {
    var all: [String] = []
  }

  private func news(_ lines: Lines) -> DeliveryNews {
    var news = DeliveryNews("es.0") { lines.all.append("[\($0)] \($1)") }
    news.servers = ["http://es:9200"]
    return news
  }

  @Test("numbers are those since the last line, and what is left comes at the end")
  func sums() {
    let lines = Lines()
    var news = news(lines)
    let letter = DeadItem(item: 0, status: 400, type: "mapper", reason: "no", place: "logs")
    for n in 0..<130 {
      let now = Int64(n) * second
      news.tellDead(letter, count: 2, at: now)
      news.tell(.shed(items: 3, folder: "/d", option: "storage.rejected.limit"), at: now)
    }
    news.tellRest()
    #expect(
      lines.all == [2, 120, 120].flatMap {
        [
          "[warn] output es.0: \($0) records to the dead letters, such as 400 mapper in logs: no",
          "[warn] output es.0: /d is full and sheds its oldest, \($0 / 2 * 3) records now: see "
            + "storage.rejected.limit",
        ]
      } + [
        "[warn] output es.0: 18 more records went to the dead letters",
        "[warn] output es.0: 27 more records were shed",
      ])
    news.tellRest()
    #expect(lines.all.count == 8)
  }

  @Test("an index that takes nothing is told of once a minute, and when it takes all again")
  func refusals() {
    let lines = Lines()
    var news = news(lines)
    for n in 0..<70 {
      news.tell(.itemsRefused(node: 0, items: 5, message: "403 block"), at: Int64(n) * second)
    }
    news.tell(.itemsTaken(node: 0), at: 70 * second)
    #expect(
      lines.all == [
        "[warn] output es.0: http://es:9200 does not take 5 records for now, trying again: "
          + "403 block",
        "[warn] output es.0: http://es:9200 does not take 300 records for now, trying again: "
          + "403 block",
        "[info] output es.0: http://es:9200 takes all records again",
      ])
  }

  @Test("without retries nothing is said of trying again")
  func noRetries() {
    let lines = Lines()
    var news = news(lines)
    news.mayRetry = false
    news.tell(.failing(node: 0, message: "refused", failures: 1), at: 0)
    news.tell(.failing(node: 0, message: "refused", failures: 7), at: 100 * second)
    #expect(
      lines.all == [
        "[warn] output es.0: http://es:9200: refused",
        "[warn] output es.0: http://es:9200: refused; 7 failures in a row",
      ])
  }

  @Test("records that nothing keeps are told of once and then in sums, with the reason")
  func dropped() {
    let lines = Lines()
    var news = news(lines)
    let letter = DeadItem(item: 0, status: 400, type: "mapper", reason: "no", place: "logs")
    for _ in 0..<50 { news.tellDropped(letter, count: 1, "storage.keep.rejected off", at: 0) }
    news.tellRest()
    #expect(
      lines.all == [
        "[error] output es.0: 1 records that the server refused are dropped "
          + "(storage.keep.rejected off), such as 400 mapper in logs: no",
        "[error] output es.0: 49 more records that the server refused were dropped",
      ])
  }

  @Test("dead letters that cannot be written are told of, and that they can again")
  func letters() {
    let lines = Lines()
    var news = news(lines)
    news.tell(.lettersWork, at: 0)
    for n in 0..<50 {
      news.tell(.lettersFailed(items: 1, message: "no space"), at: Int64(n) * second)
    }
    news.tell(.lettersWork, at: 50 * second)
    #expect(lines.all.count == 2)
    #expect(lines.all[0].contains("the dead letters cannot be written: no space"))
    #expect(lines.all[1].contains("written again"))
  }
}
