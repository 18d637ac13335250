/* The body of a bulk request: inflated as a stream, read line by line, answered item by item. */
#define _GNU_SOURCE
#include "fault.h"

#include <string.h>
#include <zlib.h>

enum { PIECE = 1 << 20, LINE_MAX_BYTES = 64 << 20 };

typedef enum { OP_CREATE, OP_INDEX, OP_UPDATE } operation;
static const char *const operation_names[] = {"create", "index", "update"};

/* What an action line says; the slices point into `text`, which outlives the line. */
typedef struct {
  operation operation;
  slice index, id;
  uint8_t text[2048];
} action;

/* A bulk request while it is read. */
typedef struct {
  server *server;
  const request *request;
  buffer *reply;
  action action;
  int has_action, is_lean, is_odd, has_errors, is_malformed;
  uint64_t items, inflated;
  size_t last_item;
} bulk;

static slice member_text(slice line, const char *member) {
  size_t count = strlen(member);
  const uint8_t *at = memmem(line.bytes, line.count, member, count);
  if (!at) return (slice){0};
  at += count;
  const uint8_t *end = line.bytes + line.count;
  const uint8_t *stop = at;
  while (stop < end && *stop != '"') stop += *stop == '\\' ? 2 : 1;
  return stop < end ? (slice){at, (size_t)(stop - at)} : (slice){0};
}

/* {"create":{"_index":"I","_type":"_doc","_id":"X"}} */
static int take_action(bulk *b, slice line) {
  action *a = &b->action;
  if (line.count < 12 || line.count > sizeof a->text || line.bytes[0] != '{') return 0;
  memcpy(a->text, line.bytes, line.count);
  slice text = {a->text, line.count};
  int found = 0;
  for (int i = 0; i < 3 && !found; i++) {
    size_t count = strlen(operation_names[i]);
    if (text.bytes[1] != '"' || text.bytes[count + 2] != '"') continue;
    if (memcmp(text.bytes + 2, operation_names[i], count)) continue;
    a->operation = (operation)i;
    found = 1;
  }
  a->index = member_text(text, "\"_index\":\"");
  a->id = member_text(text, "\"_id\":\"");
  b->has_action = found && a->index.count > 0 && text.bytes[text.count - 1] == '}';
  return b->has_action;
}

typedef struct {
  int status;
  const char *type, *reason, *result;
} outcome;

/* What a text that nobody refuses leaves behind. */
static void keep(server *s, int kind, const numbered *text) {
  s->counts.stored++;
  if (kind == TEXT_OTHER) s->counts.other++;
  if (kind == TEXT_BROKEN) s->counts.broken++;
  if (kind != TEXT_WHOLE) return;
  int was = evidence_store(&s->evidence, text);
  if (was < 0) s->counts.out_of_range++;
  if (was == 0) s->counts.distinct++;
  if (was != 1) return;
  s->counts.duplicates++;
  s->counts.duplicate_bytes += text->length;
  if (s->twice_count++ >= TWICE_MAX) return;
  buffer_format(&s->twice, "%s\"%s %llu", s->twice.count ? "," : "", text->stream->key,
    (unsigned long long)text->number);
  buffer_text(&s->twice, "\"");
}

static outcome store(server *s, const action *a, int kind, const numbered *text, slice document) {
  if (a->id.count > 0) {
    int is_upsert = memmem(document.bytes, document.count, "\"doc_as_upsert\":true", 20) != NULL;
    int adds = a->operation != OP_UPDATE || is_upsert;
    int was = evidence_has_id(&s->evidence, a->index, a->id, adds);
    if (was && a->operation == OP_CREATE) {
      s->counts.conflicts++;
      return (outcome){409, "version_conflict_engine_exception",
        "version conflict, document already exists (current version [1])", NULL};
    }
    if (was) return s->counts.updated++, (outcome){200, NULL, NULL, "updated"};
    if (!adds) {
      s->counts.missing_documents++;
      return (outcome){404, "document_missing_exception", "document missing", NULL};
    }
  }
  keep(s, kind, text);
  return (outcome){201, NULL, NULL, "created"};
}

static outcome decide(bulk *b, slice document) {
  server *s = b->server;
  const faults *f = &s->faults;
  numbered text = {0};
  int kind = evidence_read(&s->evidence, document, &text);
  uint64_t turn = ++s->item_turn;
  if (f->block_every && turn % f->block_every == 0) {
    s->counts.blocked++;
    return (outcome){403, "cluster_block_exception",
      "index blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];", NULL};
  }
  if (f->throttle_every && turn % f->throttle_every == 0) {
    s->counts.throttled++;
    return (outcome){429, "es_rejected_execution_exception",
      "rejected execution of primary operation [coordinating_and_primary_bytes=0]", NULL};
  }
  if (f->reject_every && kind == TEXT_WHOLE && text.number % f->reject_every == 0) {
    s->counts.rejected++;
    if (evidence_reject(&s->evidence, &text) == 1) s->counts.rejected_again++;
    return (outcome){400, "mapper_parsing_exception",
      "failed to parse field [number] of type [long]", NULL};
  }
  return store(s, &b->action, kind, &text, document);
}

static void put_identity(bulk *b) {
  const action *a = &b->action;
  buffer_text(b->reply, "\"_index\":\"");
  buffer_put(b->reply, a->index.bytes, a->index.count);
  buffer_text(b->reply, "\",\"_type\":\"_doc\",\"_id\":\"");
  if (a->id.count) buffer_put(b->reply, a->id.bytes, a->id.count);
  else buffer_format(b->reply, "auto-%llu", (unsigned long long)++b->server->id_turn);
  buffer_text(b->reply, "\"");
}

static void put_error(bulk *b, const outcome *o) {
  buffer_format(b->reply, "\"error\":{\"type\":\"%s\",\"reason\":\"%s", o->type, o->reason);
  if (b->request->is_hit && b->server->faults.pad && !b->has_errors) {
    size_t pad = b->server->faults.pad;
    buffer_reserve(b->reply, pad);
    memset(b->reply->bytes + b->reply->count, 'x', pad);
    b->reply->count += pad;
  }
  buffer_text(b->reply, "\"");
  /* A reader that looks for the first "status" in an item is led astray here. */
  if (b->is_odd) {
    buffer_text(b->reply, ",\"caused_by\":{\"status\":201,\"reason\":\"\\\"status\\\":201\"}");
  }
  buffer_text(b->reply, "}");
}

static void put_item(bulk *b, const outcome *o) {
  buffer *to = b->reply;
  b->last_item = to->count;
  buffer_text(to, b->items > 1 ? (b->is_odd ? " ,\n {" : ",{") : "{");
  buffer_format(to, "\"%s\":{", operation_names[b->action.operation]);
  if (b->is_odd) {
    if (o->type) put_error(b, o), buffer_text(to, " , ");
    buffer_format(to, "\"status\" : %d, \"got\":[{\"status\":500}], ", o->status);
    put_identity(b);
  } else {
    if (!b->is_lean) put_identity(b), buffer_text(to, ",");
    if (!b->is_lean && o->result) {
      buffer_format(
        to, "\"_version\":1,\"result\":\"%s\",\"_shards\":{\"total\":2,\"successful\":1,"
        "\"failed\":0},\"_seq_no\":%llu,\"_primary_term\":1,", o->result,
        (unsigned long long)b->server->counts.stored);
    }
    buffer_format(to, "\"status\":%d", o->status);
    if (o->type) buffer_text(to, ","), put_error(b, o);
  }
  buffer_text(to, "}}");
  if (o->type) b->has_errors = 1;
}

static void take_document(bulk *b, slice line) {
  b->has_action = 0;
  b->items++;
  b->server->counts.items++;
  outcome o;
  if (line.count < 2 || line.bytes[0] != '{' || line.bytes[line.count - 1] != '}') {
    b->server->counts.malformed++;
    o = (outcome){400, "mapper_parsing_exception", "failed to parse", NULL};
  } else {
    o = decide(b, line);
  }
  put_item(b, &o);
}

/* Takes the whole lines of the buffer and leaves the rest. */
static void take_lines(bulk *b, buffer *lines) {
  const uint8_t *at = lines->bytes, *end = at + lines->count, *feed;
  while (!b->is_malformed && (feed = memchr(at, '\n', (size_t)(end - at)))) {
    slice line = {at, (size_t)(feed - at)};
    if (b->has_action) take_document(b, line);
    else if (!take_action(b, line)) b->is_malformed = 1;
    at = feed + 1;
  }
  buffer_take(lines, (size_t)(at - lines->bytes));
}

/* A sink counts line ends, two to a document, and looks at nothing. */
static void count_lines(bulk *b, buffer *lines) {
  static const char item[] = "{\"create\":{\"status\":201}},";
  const uint8_t *at = lines->bytes, *end = at + lines->count;
  while ((at = memchr(at, '\n', (size_t)(end - at)))) {
    at++;
    b->has_action = !b->has_action;
    if (b->has_action) continue;
    b->items++;
    buffer_put(b->reply, item, sizeof item - 1);
  }
  lines->count = 0;
}

static void take_piece(bulk *b, buffer *lines) {
  if (b->server->is_sink) count_lines(b, lines);
  else take_lines(b, lines);
  if (lines->count > LINE_MAX_BYTES) b->is_malformed = 1;
}

/* Feeds the body through zlib; 0 when it is not one whole gzip member. */
static int inflate_body(bulk *b, buffer *lines) {
  z_stream z = {0};
  if (inflateInit2(&z, 15 + 16) != Z_OK) return 0;
  slice body = b->request->body;
  z.next_in = (Bytef *)(uintptr_t)body.bytes;
  z.avail_in = (uInt)body.count;
  int status = Z_OK;
  while (status == Z_OK && !b->is_malformed) {
    buffer_reserve(lines, PIECE);
    z.next_out = lines->bytes + lines->count;
    z.avail_out = PIECE;
    status = inflate(&z, Z_NO_FLUSH);
    size_t came = PIECE - z.avail_out;
    lines->count += came;
    b->inflated += came;
    if (came > 0) take_piece(b, lines);
  }
  /* Old Netty and several proxies drop what follows the first member. */
  if (status == Z_STREAM_END && z.avail_in > 0) b->server->counts.extra_members++;
  inflateEnd(&z);
  return status == Z_STREAM_END;
}

static void read_body(bulk *b) {
  buffer *lines = &b->server->lines;
  lines->count = 0;
  slice body = b->request->body;
  if (b->request->is_gzip) {
    if (!inflate_body(b, lines)) b->is_malformed = 1;
  } else {
    b->server->counts.plain_bodies++;
    b->inflated = body.count;
    buffer_put(lines, body.bytes, body.count);
    take_piece(b, lines);
  }
  /* A body ends in a line feed, and no action is without its document. */
  if (lines->count > 0 || b->has_action || b->items == 0) b->is_malformed = 1;
}

/* The plain text ahead of and behind the items, in the order of the real one or another. */
static void put_whole(bulk *b, buffer *items, reply *out) {
  const faults *f = &b->server->faults;
  buffer *to = &out->body;
  const char *errors = b->has_errors ? "true" : "false";
  if (b->is_odd) buffer_text(to, "\n {\"ingest_took\" : 0, \"items\" : [ ");
  else buffer_format(to, "{\"took\":3,\"errors\":%s,", errors);
  if (b->request->is_hit && f->pad && !b->has_errors) {
    buffer_text(to, "\"padding\":\"");
    buffer_reserve(to, f->pad);
    memset(to->bytes + to->count, 'x', f->pad);
    to->count += f->pad;
    buffer_text(to, "\",");
  }
  if (!b->is_odd) buffer_text(to, "\"items\":[");
  buffer_put(to, items->bytes, items->count);
  if (b->is_odd) buffer_format(to, " ],\"took\":3 , \"errors\" : %s }\r\n", errors);
  else buffer_text(to, "]}");
}

static void put_failure(reply *out, int status, const char *type, const char *reason) {
  out->status = status;
  buffer_format(
    &out->body, "{\"error\":{\"root_cause\":[{\"type\":\"%s\",\"reason\":\"%s\"}],\"type\":\"%s\","
    "\"reason\":\"%s\"},\"status\":%d}", type, reason, type, reason, status);
}

/* Faults that answer without looking at the body; 1 when one did. */
static int refuses(server *s, const request *r, reply *out) {
  const faults *f = &s->faults;
  if (f->max_body && r->body_count > f->max_body) {
    s->counts.too_large++;
    return out->status = 413, 1;
  }
  if (!r->is_hit) return 0;
  if (f->html) {
    out->type = "text/html";
    buffer_text(&out->body, "<!DOCTYPE html><html><body><h1>Sign in</h1>{\"errors\":false,"
      "\"items\":[]}</body></html>\n");
  } else if (f->not_bulk) {
    buffer_text(&out->body, "{\"acknowledged\":true}");
  } else if (f->status) {
    put_failure(out, (int)f->status, "fault_exception", "a fault that was asked for");
  } else if (!f->empty) {
    return 0;
  }
  s->counts.failed_requests++;
  return 1;
}

void bulk_answer(server *s, const request *r, reply *out) {
  static buffer items;
  *out = (reply){.status = 200, .type = "application/json; charset=UTF-8"};
  s->counts.requests++;
  s->counts.body_bytes += r->body_count;
  if (refuses(s, r, out)) return;
  items.count = 0;
  slice filter;
  bulk b = {.server = s, .request = r, .reply = &items};
  b.is_lean = query_value(r->query, "filter_path", &filter);
  b.is_odd = r->is_hit && s->faults.odd;
  read_body(&b);
  s->counts.inflated_bytes += b.inflated;
  if (b.inflated > s->counts.inflated_max) s->counts.inflated_max = b.inflated;
  if (b.is_malformed) {
    s->counts.malformed++;
    return put_failure(out, 400, "illegal_argument_exception", "Malformed action/metadata line");
  }
  if (s->is_sink) {
    s->counts.items += b.items;
    s->counts.stored += b.items;
    items.count--;
  }
  if (r->is_hit && s->faults.short_items) items.count = b.last_item;
  put_whole(&b, &items, out);
}
