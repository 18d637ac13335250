import CWeirPlugin
import Glibc
import Testing
import WeirBatch
import WeirConfig
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// Outputs of plugins that the host carries over HTTP, with plugins in C made for it.
@Suite("outputs over HTTP", .enabled(if: Build.has("cc"), "no C compiler"))
struct CarriedOutputTests {
  let folder = TemporaryFolder()

  /// An output `post` that writes `TAG\n` per record; parts of it are replaced by the tests.
  static let source = """
    #include <string.h>
    #include "weir_plugin.h"
    #define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}
    static const weir_host *host;
    static int32_t create(const weir_host *h, weir_context *c, const weir_node *o, void **i,
                          weir_error *e) {
      (void)c, (void)o, (void)e; host = h; *i = (void *)h; return WEIR_OK; }
    static int32_t prepare(void *i, const weir_limits *l, weir_error *e) {
      (void)i, (void)l, (void)e; return WEIR_OK; }
    static int32_t lane_open(void *i, uint32_t n, void **s, weir_error *e) {
      (void)i, (void)n, (void)e; *s = i; return WEIR_OK; }
    static void lane_close(void *i, void *s) { (void)i, (void)s; }
    static void destroy(void *i) { (void)i; }
    static int32_t encode(void *i, void *s, const weir_batch *batch, const uint32_t *selection,
                          uint32_t count, uint32_t *cursor, weir_body *body, uint64_t *ends,
                          weir_error *e) {
      uint64_t end = 0;
      (void)i, (void)s, (void)e;
      for (; *cursor < count; ++*cursor) {
        const weir_tag *tag = batch->tags + batch->records[selection[*cursor]].tag;
        uint8_t *data;
        if (SKIP) { ends[*cursor] = end; continue; }
        if (host->body_reserve(body, tag->length + 1, &data) != WEIR_OK) return WEIR_NO_SPACE;
        memcpy(data, tag->data, tag->length);
        data[tag->length] = 10;
        if (host->body_commit(body, tag->length + 1) != WEIR_OK) return WEIR_E_INTERNAL;
        if (host->body_commit(body, 1) == WEIR_OK) return WEIR_E_INTERNAL;
        end += tag->length + 1;
        ends[*cursor] = end + WRONG;
        PAUSE
      }
      return WEIR_OK;
    }
    static int32_t interpret(void *i, void *s, uint32_t status, const uint8_t *reply,
                             uint64_t length, uint8_t *outcomes, uint32_t count, weir_error *e) {
      (void)i, (void)s, (void)e;
      if (status != 200) return WEIR_RETRY;
      for (uint32_t k = 0; k < count && k < length; k++)
        outcomes[k] = reply[k] == 'd' ? WEIR_ITEM_DONE : WEIR_ITEM_DEAD;
      return WEIR_OK;
    }
    static const weir_http_header headers[] = {
      {TEXT("Content-Type"), TEXT("text/plain"), 0, 0}, {TEXT("X-Key"), TEXT(VALUE), 1, 0}};
    static int32_t describe(void *i, const weir_node *server, weir_http_target *t, weir_error *e) {
      (void)i, (void)server, (void)e;
      t->path = (weir_string)TEXT("/in");
      t->port = 8080;
      t->tls = WEIR_TLS_ON;
      t->flags = WEIR_TARGET_ORDERED;
      t->headers = headers;
      t->header_count = 2;
      return WEIR_OK;
    }
    static const weir_http http = {sizeof(weir_http), 0, describe, 0, 0, 0};
    static const weir_lifecycle lifecycle = {
      sizeof(weir_lifecycle), 0, create, prepare, lane_open, 0, lane_close, destroy};
    static const weir_output output = {SIZE, 0, 0, 0, encode, interpret, &http};
    static const weir_component components[] = {{
      sizeof(weir_component), WEIR_KIND_OUTPUT, TEXT("post"), TEXT("tags"), {0, 0},
      WEIR_CAN_ENCODE, 0, &lifecycle, &output}};
    static const weir_descriptor descriptor = {
      WEIR_MAGIC, sizeof(weir_descriptor), WEIR_ABI_MAJOR, WEIR_ABI_MINOR, 1, 0, 1,
      sizeof(weir_component), 0, components, TEXT("post"), TEXT("1"), TEXT("MIT"), {0, 0}};
    __attribute__((visibility("default")))
    const weir_descriptor *weir_plugin_entry_v1(void) { return &descriptor; }
    """

  private func file(_ name: String, _ changes: [(String, String)] = []) throws -> String {
    var defines = [
      ("SKIP", "0"), ("WRONG", "0"), ("PAUSE", ""), ("VALUE", "\"secret\""),
      ("SIZE", "sizeof(weir_output)"),
    ]
    for change in changes { defines.removeAll { $0.0 == change.0 } }
    let head = (defines + changes).map { "#define \($0.0) \($0.1)\n" }.joined()
    return try folder.compile(name, head + Self.source)
  }

  private func output(_ name: String, _ changes: [(String, String)] = []) throws
    -> PluginCarriedOutput
  {
    let host = try Stage.host(file(name, changes))
    let config = Stage.config(.output, "post", [])
    return try #require(try host.carriedOutput(config) as? PluginCarriedOutput)
  }

  private func encode(
    _ output: PluginCarriedOutput, _ counters: StageCounters = .init(kind: .output, name: "t")
  ) -> Payload {
    let check = CheckBatch()
    for tag in [UInt32(0), 1, 0, 0] { check.add([check.text("log", "x")], tag: tag) }
    let payload = Payload()
    let lane = output.openLane(LaneContext(index: 0))
    check.selection.withUnsafeBufferPointer {
      lane.encode(check.batch, $0, into: payload, counters)
    }
    return payload
  }

  @Test("the target is what the plugin describes")
  func target() throws {
    let target = try output("target").target
    #expect(target.method == "POST" && target.path == "/in" && target.host == nil)
    #expect(target.port == 8080 && target.usesTLS == true && target.isOrdered)
    #expect(
      target.headers == [
        CarriedHeader("Content-Type", "text/plain"),
        CarriedHeader("X-Key", "secret", isSecret: true),
      ])
  }

  @Test("a header that would break the request is refused")
  func header() {
    #expect(throws: PluginHostError.self) {
      _ = try output("header", [("VALUE", "\"a\\r\\nX: y\"")])
    }
  }

  @Test("items and their ends, also in several calls")
  func items() throws {
    for (name, changes) in [
      ("whole", []), ("parts", [("PAUSE", "++*cursor; return WEIR_NO_SPACE;")]),
    ] {
      let payload = encode(try output(name, changes))
      #expect(payload.recordCount == 4)
      #expect(payload.recordOffsets == [10, 20, 30, 40])
      #expect(payload.length == 40 && payload.uncompressedLength == 40)
    }
  }

  @Test("records that are left out are counted; ends that do not ascend are a breach")
  func leftOut() throws {
    let counters = StageCounters(kind: .output, name: "t")
    let some = try output("some", [("SKIP", "*cursor == 1")])
    #expect(encode(some, counters).recordOffsets == [10, 20, 30])
    #expect(counters.dropped(.output) == 1 && some.instance.context.violationCount == 0)
    let wrong = try output("wrong", [("WRONG", "1000 - 300 * *cursor")])
    let payload = encode(wrong)
    #expect(payload.recordCount == 0 && payload.length == 0)
    #expect(wrong.instance.context.violationCount == 1)
  }

  @Test("a plugin without a reader gets the whole reply, up to a bound")
  func interpret() throws {
    let output = try output("interpret")
    try output.start()
    func finish(_ status: Int, _ pieces: [String], isComplete: Bool = true) -> ReplyVerdict {
      let reply = output.openReply(status: status, contentType: "", itemCount: 3)
      for piece in pieces {
        _ = Array(piece.utf8).withUnsafeBytes { reply.receive($0) }
      }
      return reply.finish(isComplete: isComplete)
    }
    let verdict = finish(200, ["d", "x"])
    #expect(verdict.kind == .items)
    #expect((0..<3).map { verdict.outcomes[$0] } == [.done, .dead, .retry])
    #expect(finish(500, ["ddd"]).kind == .retry)
    #expect(finish(200, ["ddd"], isComplete: false).kind == .retry)
    let long = String(repeating: "d", count: 3 << 20)
    #expect(finish(200, [long, long, long]).message.contains("larger than"))
  }

  @Test("a table of version 1.0 loads, and is told that it does not say where requests go")
  func oldTable() throws {
    let file = try file("old", [("SIZE", "40")])
    let host = try Stage.host(file)
    let config = Stage.config(.output, "post", [])
    #expect(try host.carriedOutput(config) == nil)
    do {
      _ = try host.output(config)
      Issue.record("it was taken")
    } catch {
      #expect("\(error)".contains("weir_output.http"), "\(error)")
    }
  }

  @Test("the contract is checked")
  func contract() throws {
    let sound = ContractCheck.run(file: try file("sound"))
    #expect(sound.isClean, "\(sound.text)")
    let broken = ContractCheck.run(file: try file("broken", [("WRONG", "7")]))
    #expect(broken.text.contains("item ends that do not ascend"), "\(broken.text)")
  }
}
