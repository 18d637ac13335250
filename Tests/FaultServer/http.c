/* HTTP/1.1 as far as a bulk client speaks it: heads of requests, bodies with a length, replies. */
#define _GNU_SOURCE
#include "fault.h"

#include <string.h>
#include <strings.h>

enum { HEAD_MAX = 16 << 10, BODY_MAX = 256 << 20 };

uint64_t slice_number(slice s) {
  uint64_t number = 0;
  for (size_t i = 0; i < s.count && s.bytes[i] >= '0' && s.bytes[i] <= '9' && i < 18; i++) {
    number = number * 10 + (s.bytes[i] - '0');
  }
  return number;
}

int query_value(slice query, const char *name, slice *value) {
  size_t name_count = strlen(name);
  const uint8_t *at = query.bytes, *end = query.bytes + query.count;
  while (at < end) {
    const uint8_t *stop = memchr(at, '&', (size_t)(end - at));
    if (!stop) stop = end;
    size_t count = (size_t)(stop - at);
    if (count > name_count && memcmp(at, name, name_count) == 0 && at[name_count] == '=') {
      *value = (slice){at + name_count + 1, count - name_count - 1};
      return 1;
    }
    at = stop + 1;
  }
  return 0;
}

static int is_name(slice s, const char *name) {
  return s.count == strlen(name) && strncasecmp((const char *)s.bytes, name, s.count) == 0;
}

/* The request line: METHOD SP TARGET SP VERSION. */
static int take_first_line(slice line, request *r) {
  const uint8_t *end = line.bytes + line.count;
  const uint8_t *blank = memchr(line.bytes, ' ', line.count);
  if (!blank) return 0;
  r->method = (slice){line.bytes, (size_t)(blank - line.bytes)};
  const uint8_t *target = blank + 1;
  const uint8_t *target_end = memchr(target, ' ', (size_t)(end - target));
  if (!target_end) return 0;
  const uint8_t *mark = memchr(target, '?', (size_t)(target_end - target));
  r->path = (slice){target, (size_t)((mark ? mark : target_end) - target)};
  r->query = mark ? (slice){mark + 1, (size_t)(target_end - mark - 1)} : (slice){target_end, 0};
  return 1;
}

static int take_header(slice line, request *r) {
  const uint8_t *colon = memchr(line.bytes, ':', line.count);
  if (!colon) return 0;
  slice name = {line.bytes, (size_t)(colon - line.bytes)};
  const uint8_t *at = colon + 1, *end = line.bytes + line.count;
  while (at < end && *at == ' ') at++;
  slice value = {at, (size_t)(end - at)};
  if (is_name(name, "content-length")) r->body_count = slice_number(value);
  if (is_name(name, "content-encoding")) r->is_gzip = is_name(value, "gzip");
  if (is_name(name, "connection")) r->closes = is_name(value, "close");
  if (is_name(name, "expect")) r->expects = 1;
  /* Bodies come with a length here; chunked requests are refused. */
  return !is_name(name, "transfer-encoding");
}

int request_read(const buffer *in, request *r) {
  const uint8_t *end = memmem(in->bytes, in->count, "\r\n\r\n", 4);
  if (!end) return in->count > HEAD_MAX ? -1 : 0;
  *r = (request){.head_count = (size_t)(end - in->bytes) + 4};
  const uint8_t *at = in->bytes;
  for (int line = 0; at < end + 2; line++) {
    const uint8_t *stop = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
    slice text = {at, (size_t)(stop - at)};
    if (!(line == 0 ? take_first_line(text, r) : take_header(text, r))) return -1;
    at = stop + 2;
  }
  return r->body_count <= BODY_MAX ? 1 : -1;
}

static const char *reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 413: return "Request Entity Too Large";
    case 429: return "Too Many Requests";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

static void put_chunks(const buffer *body, buffer *to) {
  static const size_t sizes[] = {1, 7, 4096, 100, 65536};
  size_t at = 0;
  for (int turn = 0; at < body->count; turn++) {
    size_t count = sizes[turn % 5];
    if (count > body->count - at) count = body->count - at;
    buffer_format(to, turn % 2 ? "%zX;name=value\r\n" : "%zx\r\n", count);
    buffer_put(to, body->bytes + at, count);
    buffer_text(to, "\r\n");
    at += count;
  }
  buffer_text(to, "0\r\n\r\n");
}

void reply_render(const server *s, const request *r, const reply *out, buffer *to) {
  const faults *f = &s->faults;
  if (r->is_hit && f->hint) buffer_text(to, "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
  buffer_format(to, "HTTP/1.1 %d %s\r\n", out->status, reason_of(out->status));
  buffer_format(to, "content-type: %s\r\n", r->is_hit && f->wrong_type ? "text/plain" : out->type);
  if (out->status == 401) buffer_text(to, "WWW-Authenticate: Basic realm=\"security\"\r\n");
  if (r->is_hit && f->chunked) {
    buffer_text(to, "transfer-encoding: chunked\r\n\r\n");
    return put_chunks(&out->body, to);
  }
  buffer_format(to, "content-length: %zu\r\n\r\n", out->body.count);
  int is_head = r->method.count == 4 && memcmp(r->method.bytes, "HEAD", 4) == 0;
  if (!is_head) buffer_put(to, out->body.bytes, out->body.count);
}
