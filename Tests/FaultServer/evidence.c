/* Which lines have come, how often, and under which ids.
 *
 * The tests write texts of the form `KEY NNNNNNNNN LLLLLL fill`: see NumberedText.swift. */
#define _GNU_SOURCE
#include "fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static stream *stream_of(evidence *e, const uint8_t *key, size_t count) {
  stream *s = e->last;
  if (s && s->key_count == count && memcmp(s->key, key, count) == 0) return s;
  for (size_t i = 0; i < e->stream_count; i++) {
    s = e->streams[i];
    if (s->key_count == count && memcmp(s->key, key, count) == 0) return e->last = s;
  }
  if (e->stream_count == STREAMS_MAX || count >= sizeof s->key) return NULL;
  s = calloc(1, sizeof *s);
  if (!s) perror("weir-faultserver"), exit(3);
  memcpy(s->key, key, count);
  s->key_count = count;
  e->streams[e->stream_count++] = s;
  return e->last = s;
}

static int digits(const uint8_t *from, int count, uint64_t *number) {
  *number = 0;
  for (int i = 0; i < count; i++) {
    if (from[i] < '0' || from[i] > '9') return 0;
    *number = *number * 10 + (from[i] - '0');
  }
  return 1;
}

int evidence_read(evidence *e, slice document, numbered *text) {
  static const char member[] = "\"log\":\"";
  const uint8_t *end = document.bytes + document.count;
  const uint8_t *at = memmem(document.bytes, document.count, member, sizeof member - 1);
  if (!at) return TEXT_OTHER;
  at += sizeof member - 1;
  const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
  if (!quote) return TEXT_BROKEN;
  size_t length = (size_t)(quote - at);
  const uint8_t *blank = memchr(at, ' ', length < 64 ? length : 64);
  if (!blank) return TEXT_OTHER;
  size_t key_count = (size_t)(blank - at);
  uint64_t told;
  if (length < key_count + 19 || blank[10] != ' ' || blank[17] != ' ') return TEXT_OTHER;
  if (!digits(blank + 1, 9, &text->number) || !digits(blank + 11, 6, &told)) return TEXT_OTHER;
  text->stream = stream_of(e, at, key_count);
  text->length = length;
  const uint8_t *fill = blank + 18;
  size_t fill_count = (size_t)(quote - fill);
  /* The fill is all one letter when it equals itself moved on by one. */
  int is_even = fill[0] == 'a' + text->number % 26 && memcmp(fill, fill + 1, fill_count - 1) == 0;
  return told == length && is_even ? TEXT_WHOLE : TEXT_BROKEN;
}

/* Makes room for a number in the stream's bitmaps; 0 when it is out of range. */
static int reach(stream *s, uint64_t number) {
  if (number == 0 || number > NUMBER_MAX) return 0;
  if (number < s->bits) return 1;
  size_t bits = s->bits ? s->bits : 1 << 16;
  while (bits <= number) bits *= 2;
  uint8_t **maps[] = {&s->stored, &s->rejected};
  for (int i = 0; i < 2; i++) {
    uint8_t *map = realloc(*maps[i], bits / 8);
    if (!map) perror("weir-faultserver"), exit(3);
    memset(map + s->bits / 8, 0, (bits - s->bits) / 8);
    *maps[i] = map;
  }
  s->bits = bits;
  return 1;
}

/* Sets a bit; whether it was set before. */
static int set_bit(uint8_t *map, uint64_t number) {
  uint8_t mask = (uint8_t)(1 << (number & 7));
  int was = (map[number >> 3] & mask) != 0;
  map[number >> 3] |= mask;
  return was;
}

int evidence_store(evidence *e, const numbered *text) {
  (void)e;
  stream *s = text->stream;
  if (!s || !reach(s, text->number)) return -1;
  if (text->number > s->highest) s->highest = text->number;
  int was = set_bit(s->stored, text->number);
  if (was) s->duplicates++;
  else s->distinct++;
  return was;
}

int evidence_reject(evidence *e, const numbered *text) {
  (void)e;
  stream *s = text->stream;
  if (!s || !reach(s, text->number)) return -1;
  int was = set_bit(s->rejected, text->number);
  if (!was) s->rejected_count++;
  return was;
}

static uint64_t mix(uint64_t hash, slice s) {
  for (size_t i = 0; i < s.count; i++) hash = (hash ^ s.bytes[i]) * 0x100000001B3u;
  hash ^= hash >> 32;
  hash *= 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 29;
}

static void id_insert(uint64_t (*ids)[2], size_t capacity, uint64_t a, uint64_t b) {
  size_t at = a & (capacity - 1);
  while (ids[at][0] | ids[at][1]) at = (at + 1) & (capacity - 1);
  ids[at][0] = a;
  ids[at][1] = b;
}

static void id_grow(evidence *e) {
  size_t capacity = e->id_capacity ? e->id_capacity * 2 : 1 << 16;
  uint64_t (*ids)[2] = calloc(capacity, sizeof *ids);
  if (!ids) perror("weir-faultserver"), exit(3);
  for (size_t i = 0; i < e->id_capacity; i++) {
    if (e->ids[i][0] | e->ids[i][1]) id_insert(ids, capacity, e->ids[i][0], e->ids[i][1]);
  }
  free(e->ids);
  e->ids = ids;
  e->id_capacity = capacity;
}

int evidence_has_id(evidence *e, slice index, slice id, int add) {
  if (e->id_count * 2 >= e->id_capacity) id_grow(e);
  uint64_t a = mix(mix(0xCBF29CE484222325u, index), id);
  uint64_t b = mix(mix(0x6C62272E07BB0142u, id), index) | 1;
  size_t at = a & (e->id_capacity - 1);
  while (e->ids[at][0] | e->ids[at][1]) {
    if (e->ids[at][0] == a && e->ids[at][1] == b) return 1;
    at = (at + 1) & (e->id_capacity - 1);
  }
  if (add) {
    id_insert(e->ids, e->id_capacity, a, b);
    e->id_count++;
  }
  return 0;
}

void evidence_clear(evidence *e) {
  for (size_t i = 0; i < e->stream_count; i++) {
    free(e->streams[i]->stored);
    free(e->streams[i]->rejected);
    free(e->streams[i]);
  }
  free(e->ids);
  *e = (evidence){0};
}

void evidence_json(const evidence *e, buffer *to) {
  buffer_format(to, "\"ids\":%zu,\"streams\":[", e->id_count);
  for (size_t i = 0; i < e->stream_count; i++) {
    const stream *s = e->streams[i];
    buffer_text(to, i ? ",{\"key\":\"" : "{\"key\":\"");
    buffer_escaped(to, (const uint8_t *)s->key, s->key_count);
    buffer_format(
      to, "\",\"highest\":%llu,\"distinct\":%llu,\"duplicates\":%llu,\"rejected\":%llu}",
      (unsigned long long)s->highest, (unsigned long long)s->distinct,
      (unsigned long long)s->duplicates, (unsigned long long)s->rejected_count);
  }
  buffer_text(to, "]");
}

void evidence_missing(const evidence *e, slice key, uint64_t to, buffer *text) {
  const stream *s = NULL;
  for (size_t i = 0; i < e->stream_count; i++) {
    const stream *other = e->streams[i];
    if (other->key_count == key.count && memcmp(other->key, key.bytes, key.count) == 0) s = other;
  }
  uint64_t begin = 0;
  int ranges = 0;
  for (uint64_t number = 1; number <= to + 1 && ranges < 20; number++) {
    int is_stored = s && number < s->bits && s->stored[number / 8] >> number % 8 & 1;
    int is_there = number > to || is_stored;
    if (!is_there && begin == 0) begin = number;
    if (!is_there || begin == 0) continue;
    buffer_format(
      text, "%llu...%llu\n", (unsigned long long)begin, (unsigned long long)(number - 1));
    begin = 0;
    ranges++;
  }
}
