/* The floor: what a pipeline's work costs when straight C does it on one core, with no engine
 * around it.
 *
 *   floor MODE FILE
 *
 *   read           read the file
 *   plain-null     and find its lines
 *   cri-null       and split CRI lines into time, stream, part and text, and join their parts
 *   cri-json       and encode each as a JSON object with the keys time, stream, _p and log
 *   cri-json-file  and write that to a file in the working directory, which is removed afterwards
 *   cri-bulk       a bulk body: an action line and a document for each
 *   cri-bulk-gzip  and compress each body with ISA-L (where the library was there at build time)
 *
 * It prints one line: MODE bytes N lines N out N wire N cpu S s R MB/cpu-s.
 * Build: cc -O3 -march=native -o floor floor.c -lisal      (or -DFLOOR_WITHOUT_ISAL, no library)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifndef FLOOR_WITHOUT_ISAL
#include <isa-l/igzip_lib.h>
#endif
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 1 << 20, BODY = 16 << 20, CARRY = 4 << 20, SLACK = 64 };
static const char out_name[] = "floor.out";

/* What a mode asks for. */
typedef struct {
  int lines, cri, json, bulk, gzip, file;
} plan;

/* One line as the container runtime wrote it; the pointers point into the block. */
typedef struct {
  const uint8_t *time, *stream, *text;
  size_t time_count, stream_count, text_count;
  uint8_t part;
} cri_line;

typedef struct {
  plan plan;
  uint8_t *block, *body, *packed, *carry;
  size_t body_count, carry_count;
  size_t bytes, lines, out, wire;
  uint64_t sum; /* keeps the null modes from being optimised away */
  int out_fd;
} floor_state;

static int plan_of(const char *mode, plan *p) {
  static const struct {
    const char *name;
    plan plan;
  } plans[] = {
    {"read", {0, 0, 0, 0, 0, 0}},
    {"plain-null", {1, 0, 0, 0, 0, 0}},
    {"cri-null", {1, 1, 0, 0, 0, 0}},
    {"cri-json", {1, 1, 1, 0, 0, 0}},
    {"cri-json-file", {1, 1, 1, 0, 0, 1}},
    {"cri-bulk", {1, 1, 1, 1, 0, 0}},
    {"cri-bulk-gzip", {1, 1, 1, 1, 1, 0}},
  };
  for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
    if (strcmp(mode, plans[i].name) == 0) return *p = plans[i].plan, 1;
  }
  return 0;
}

static uint8_t *put(uint8_t *to, const void *from, size_t count) {
  memcpy(to, from, count);
  return to + count;
}
#define PUT(to, text) put(to, text, sizeof(text) - 1)

/* How many bytes from `s` stand for themselves in a JSON string. They are copied to `to` on the
 * way; up to 15 bytes behind them may be overwritten. */
static size_t copy_clean(uint8_t *to, const uint8_t *s, size_t count) {
  size_t i = 0;
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  while (i + 16 <= count) {
    __m128i v = _mm_loadu_si128((const __m128i *)(s + i));
    _mm_storeu_si128((__m128i *)(to + i), v);
    __m128i special = _mm_cmpeq_epi8(_mm_min_epu8(v, control), v);
    special = _mm_or_si128(special, _mm_cmpeq_epi8(v, quote));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(v, slash));
    unsigned mask = (unsigned)_mm_movemask_epi8(special);
    if (mask) return i + (size_t)__builtin_ctz(mask);
    i += 16;
  }
#endif
  while (i < count && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\') to[i] = s[i], i++;
  return i;
}

static uint8_t *put_json(uint8_t *to, const uint8_t *s, size_t count) {
  static const char hex[] = "0123456789abcdef";
  for (size_t i = 0; i < count;) {
    size_t clean = copy_clean(to, s + i, count - i);
    to += clean;
    i += clean;
    if (i == count) break;
    uint8_t byte = s[i++];
    *to++ = '\\';
    switch (byte) {
      case '"': case '\\': *to++ = byte; break;
      case '\n': *to++ = 'n'; break;
      case '\r': *to++ = 'r'; break;
      case '\t': *to++ = 't'; break;
      default:
        to = PUT(to, "u00");
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
  }
  return to;
}

/* TIME SP STREAM SP PART SP TEXT; 0 where the line is something else. */
static int split_cri(const uint8_t *p, const uint8_t *end, cri_line *line) {
  const uint8_t *time_end = memchr(p, ' ', (size_t)(end - p));
  if (!time_end) return 0;
  const uint8_t *stream = time_end + 1;
  const uint8_t *stream_end = memchr(stream, ' ', (size_t)(end - stream));
  if (!stream_end || end - stream_end < 3 || stream_end[2] != ' ') return 0;
  *line = (cri_line){
    .time = p, .time_count = (size_t)(time_end - p),
    .stream = stream, .stream_count = (size_t)(stream_end - stream),
    .part = stream_end[1],
    .text = stream_end + 3, .text_count = (size_t)(end - stream_end - 3),
  };
  return 1;
}

static int write_all(int fd, const uint8_t *p, size_t count) {
  while (count > 0) {
    ssize_t n = write(fd, p, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    p += n;
    count -= (size_t)n;
  }
  return 1;
}

static int compress_body(floor_state *f) {
#ifndef FLOOR_WITHOUT_ISAL
  static uint8_t level[ISAL_DEF_LVL1_DEFAULT];
  struct isal_zstream z;
  isal_deflate_stateless_init(&z);
  z.level = 1;
  z.level_buf = level;
  z.level_buf_size = sizeof level;
  z.gzip_flag = IGZIP_GZIP;
  z.end_of_stream = 1;
  z.next_in = f->body;
  z.avail_in = (uint32_t)f->body_count;
  z.next_out = f->packed;
  z.avail_out = BODY;
  if (isal_deflate_stateless(&z) != COMP_OK) return 0;
  f->wire += z.total_out;
  return 1;
#else
  (void)f;
  return fputs("floor: built without ISA-L\n", stderr), 0;
#endif
}

/* Sends the body where the mode wants it; 0 on failure. */
static int finish_body(floor_state *f) {
  if (f->body_count == 0) return 1;
  f->out += f->body_count;
  int ok = 1;
  if (f->plan.file) ok = write_all(f->out_fd, f->body, f->body_count);
  if (f->plan.gzip) ok = compress_body(f);
  f->body_count = 0;
  return ok;
}

static int encode(floor_state *f, const cri_line *line, const uint8_t *text, size_t count) {
  /* An escaped byte takes six; the keys and the action line take less than 256. */
  if (f->body_count + line->time_count + 6 * count + 256 > BODY && !finish_body(f)) return 0;
  uint8_t *to = f->body + f->body_count;
  if (f->plan.bulk) to = PUT(to, "{\"create\":{\"_index\":\"floor\"}}\n");
  to = put(PUT(to, "{\"time\":\""), line->time, line->time_count);
  to = put(PUT(to, "\",\"stream\":\""), line->stream, line->stream_count);
  to = put(PUT(to, "\",\"_p\":\""), &line->part, 1);
  to = put_json(PUT(to, "\",\"log\":\""), text, count);
  to = PUT(to, "\"}\n");
  f->body_count = (size_t)(to - f->body);
  return 1;
}

static int take_cri(floor_state *f, const uint8_t *p, const uint8_t *end) {
  cri_line line;
  if (!split_cri(p, end, &line)) return 1;
  const uint8_t *text = line.text;
  size_t count = line.text_count;
  if (line.part == 'P' || f->carry_count > 0) {
    size_t room = CARRY - f->carry_count;
    if (count > room) count = room;
    memcpy(f->carry + f->carry_count, text, count);
    f->carry_count += count;
    if (line.part == 'P') return 1;
    text = f->carry;
    count = f->carry_count;
    f->carry_count = 0;
  }
  f->sum += count + line.time_count + text[0];
  return f->plan.json ? encode(f, &line, text, count) : 1;
}

/* Takes the whole lines of the block; returns where the rest begins, NULL on failure. */
static const uint8_t *take_lines(floor_state *f, const uint8_t *p, const uint8_t *end) {
  const uint8_t *feed;
  while ((feed = memchr(p, '\n', (size_t)(end - p)))) {
    f->lines++;
    if (!f->plan.cri) f->sum += (uint64_t)(feed - p);
    else if (!take_cri(f, p, feed)) return NULL;
    p = feed + 1;
  }
  return p;
}

static int run(floor_state *f, int fd) {
  size_t kept = 0;
  for (;;) {
    ssize_t n = read(fd, f->block + kept, BLOCK - kept);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return 0;
    if (n == 0) return finish_body(f);
    f->bytes += (size_t)n;
    if (!f->plan.lines) continue;
    const uint8_t *end = f->block + kept + n;
    const uint8_t *rest = take_lines(f, f->block, end);
    if (!rest || !finish_body(f)) return 0;
    kept = (size_t)(end - rest);
    if (kept == BLOCK) kept = 0; /* no line end in a whole block: given up */
    memmove(f->block, rest, kept);
  }
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec)
    + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv) {
  floor_state f = {.out_fd = -1};
  if (argc != 3 || !plan_of(argv[1], &f.plan)) {
    return fputs("usage: floor MODE FILE (the modes stand in floor.c)\n", stderr), 2;
  }
  int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return perror(argv[2]), 1;
  if (f.plan.file) {
    f.out_fd = open(out_name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (f.out_fd < 0) return perror(out_name), 1;
  }
  f.block = malloc(BLOCK + SLACK);
  f.body = malloc(BODY + SLACK);
  f.packed = malloc(BODY);
  f.carry = malloc(CARRY + SLACK);
  if (!f.block || !f.body || !f.packed || !f.carry) return perror("floor"), 1;
  int ok = run(&f, fd);
  if (!ok) perror("floor");
  if (f.out_fd >= 0) close(f.out_fd), unlink(out_name);
  double cpu = cpu_seconds();
  printf("%s bytes %zu lines %zu out %zu wire %zu cpu %.4f s %.0f MB/cpu-s\n", argv[1], f.bytes,
    f.lines, f.out, f.wire, cpu, (double)f.bytes / 1e6 / cpu);
  /* The sum is used, so that no work is optimised away. */
  return !ok || f.sum == 1;
}
