/* weir-faultserver: an Elasticsearch that keeps count of what it is sent, and misbehaves on demand.
 *
 * It answers `_bulk` on one loopback port and takes orders on another (see README.md). One thread,
 * one epoll; everything that is read is bounded.
 */
#ifndef FAULT_H
#define FAULT_H
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow. Running out of memory ends the program: it is a tool of tests. */
typedef struct {
  uint8_t *bytes;
  size_t count, capacity;
} buffer;

void buffer_reserve(buffer *b, size_t more);
void buffer_put(buffer *b, const void *bytes, size_t count);
void buffer_text(buffer *b, const char *text);
__attribute__((format(printf, 2, 3))) void buffer_format(buffer *b, const char *format, ...);
/* Puts the inside of a JSON string. */
void buffer_escaped(buffer *b, const uint8_t *bytes, size_t count);
void buffer_take(buffer *b, size_t count);
void buffer_free(buffer *b);

/* A piece of somebody else's bytes. */
typedef struct {
  const uint8_t *bytes;
  size_t count;
} slice;

/* The faults, each a number; 0 is off. README.md says what they do. */
#define FAULTS(X) \
  X(refuse) X(every) X(status) X(html) X(not_bulk) X(empty) X(short_items) X(wrong_type) \
  X(chunked) X(odd) X(hint) X(pad) X(delay_ms) X(read_rate) X(max_body) \
  X(reset_request) X(reset_reply) X(half_reply) X(throttle_every) X(block_every) X(reject_every)

typedef struct {
#define X(name) uint64_t name;
  FAULTS(X)
#undef X
} faults;

/* What was counted; README.md says what each is. */
#define COUNTS(X) \
  X(connections) X(requests) X(body_bytes) X(inflated_bytes) X(plain_bodies) X(items) X(stored) \
  X(distinct) X(duplicates) X(duplicate_bytes) X(conflicts) X(updated) X(missing_documents) \
  X(rejected) X(rejected_again) X(throttled) X(blocked) X(other) X(broken) X(malformed) \
  X(out_of_range) X(extra_members) X(failed_requests) X(too_large) X(resets) X(expects) \
  X(in_flight) X(in_flight_max) X(inflated_max)

typedef struct {
#define X(name) uint64_t name;
  COUNTS(X)
#undef X
} counts;

/* What one writer's numbered lines have been through; bit N is line N. */
typedef struct {
  char key[64];
  size_t key_count;
  uint8_t *stored, *rejected;
  size_t bits;
  uint64_t highest, distinct, duplicates, rejected_count;
} stream;

enum { STREAMS_MAX = 1024, NUMBER_MAX = 100000000, TWICE_MAX = 16 };

typedef struct {
  stream *streams[STREAMS_MAX];
  size_t stream_count;
  stream *last;
  /* Two words of hash for each id that has been stored. */
  uint64_t (*ids)[2];
  size_t id_count, id_capacity;
} evidence;

/* The numbered text of a document. */
typedef struct {
  stream *stream;
  uint64_t number;
  size_t length;
} numbered;

enum { TEXT_OTHER, TEXT_BROKEN, TEXT_WHOLE };
int evidence_read(evidence *e, slice document, numbered *text);
/* Notes a line as stored; 1 when it had been before. */
int evidence_store(evidence *e, const numbered *text);
/* Notes a line as refused for good; 1 when it had been before. */
int evidence_reject(evidence *e, const numbered *text);
/* Whether an id has been stored in an index; with `add` it is from now on. */
int evidence_has_id(evidence *e, slice index, slice id, int add);
void evidence_clear(evidence *e);
void evidence_json(const evidence *e, buffer *to);
/* The first ranges of 1...to that a writer's stored lines leave out, as text. */
void evidence_missing(const evidence *e, slice key, uint64_t to, buffer *text);

/* One request, pointing into the connection's bytes. */
typedef struct {
  slice method, path, query, body;
  size_t head_count, body_count;
  int is_gzip, closes, expects;
  /* Whether faults of whole requests hit this one. */
  int is_hit;
} request;

/* 1 for a whole head, 0 for an unfinished one, -1 for what is no HTTP. */
int request_read(const buffer *in, request *r);
/* The value of a query parameter; 0 when it is not there. */
int query_value(slice query, const char *name, slice *value);
uint64_t slice_number(slice s);

typedef struct {
  faults faults;
  counts counts;
  evidence evidence;
  int is_sink;
  uint64_t bulk_turn, item_turn, id_turn;
  uint64_t faults_end_ms;
  buffer lines;
  /* The first lines that came twice, as members of a JSON array. */
  buffer twice;
  uint64_t twice_count;
} server;

uint64_t now_ms(void);

/* What goes back: a status, a type and a body. */
typedef struct {
  int status;
  const char *type;
  buffer body;
} reply;

/* Answers a bulk request, whose documents are stored on the way. */
void bulk_answer(server *s, const request *r, reply *out);
/* Answers whatever else comes to the data port. */
void other_answer(server *s, const request *r, reply *out);
/* Answers an order; the fault `refuse` is for the caller to act on. */
void control_answer(server *s, const request *r, reply *out);
/* Ends faults whose time is over. */
void faults_expire(server *s);
/* Renders a reply as bytes of HTTP, with the faults that concern its form. */
void reply_render(const server *s, const request *r, const reply *out, buffer *to);

/* Serves until standard input ends (or SIGTERM comes); the exit status. */
int server_run(server *s, int port, int control_port, int watches_input);
#endif
