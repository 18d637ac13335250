/* Orders: PUT /_faults, GET /_stats, POST /_reset, GET /_missing. */
#include "fault.h"

#include <string.h>

static int is_path(const request *r, const char *path) {
  return r->path.count == strlen(path) && memcmp(r->path.bytes, path, r->path.count) == 0;
}

static void put_stats(server *s, buffer *to) {
  buffer_text(to, "{");
#define X(name) buffer_format(to, "\"" #name "\":%llu,", (unsigned long long)s->counts.name);
  COUNTS(X)
#undef X
  evidence_json(&s->evidence, to);
  buffer_text(to, ",\"twice\":[");
  buffer_put(to, s->twice.bytes, s->twice.count);
  buffer_text(to, "],\"faults\":{");
  int any = 0;
#define X(name) \
  if (s->faults.name) { \
    buffer_format(to, "%s\"" #name "\":%llu", any ? "," : "", (unsigned long long)s->faults.name); \
    any = 1; \
  }
  FAULTS(X)
#undef X
  buffer_text(to, "}}\n");
}

/* Sets exactly the faults that the query names; 0 when it names one that there is not. */
static int set_faults(server *s, slice query) {
  faults wanted = {0};
  size_t named = 0, known = 0;
  slice value;
  for (size_t i = 0; i < query.count; i++) named += query.bytes[i] == '=';
#define X(name) \
  if (query_value(query, #name, &value)) known++, wanted.name = slice_number(value);
  FAULTS(X)
#undef X
  s->faults_end_ms = 0;
  if (query_value(query, "seconds", &value)) {
    known++;
    s->faults_end_ms = now_ms() + 1000 * slice_number(value);
  }
  if (known != named) return 0;
  s->faults = wanted;
  s->bulk_turn = 0;
  s->item_turn = 0;
  return 1;
}

void faults_expire(server *s) {
  if (s->faults_end_ms == 0 || now_ms() < s->faults_end_ms) return;
  s->faults = (faults){0};
  s->faults_end_ms = 0;
}

void control_answer(server *s, const request *r, reply *out) {
  *out = (reply){.status = 200, .type = "application/json"};
  slice key, to;
  if (is_path(r, "/_stats")) {
    put_stats(s, &out->body);
  } else if (is_path(r, "/_faults")) {
    if (!set_faults(s, r->query)) out->status = 400;
    put_stats(s, &out->body);
  } else if (is_path(r, "/_reset")) {
    evidence_clear(&s->evidence);
    s->twice.count = s->twice_count = 0;
    uint64_t in_flight = s->counts.in_flight;
    s->counts = (counts){.in_flight = in_flight};
    put_stats(s, &out->body);
  } else if (is_path(r, "/_missing") && query_value(r->query, "stream", &key)
             && query_value(r->query, "to", &to)) {
    out->type = "text/plain";
    evidence_missing(&s->evidence, key, slice_number(to), &out->body);
  } else {
    out->status = 404;
    buffer_text(&out->body, "{\"error\":\"no such order\"}\n");
  }
}
