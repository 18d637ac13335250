// A JSON value of any form to the one form the writer emits.
//
// Idea: one pass writes tokens straight to dst. Every member's place in dst and its key's hash are
// noted while its object is open; a key that was there already marks the earlier member dead, and
// when the object closes the dead ones are squeezed out in one sweep (the last member wins, at its
// own place, with the separating comma going along with the member). So the cost stays linear in
// the text for each level, however many duplicates a hostile line holds.
#include "json.h"

#include <math.h>

#define DEAD 0x80000000u
#define KEY_BUCKETS 256

typedef struct {
  const uint8_t *s, *end;
  uint8_t *dst, *w, *limit;
  uint64_t objects;
  uint32_t level, keys;
  uint16_t first_key[WEIR_JSON_DEPTH_MAX + 2];
  uint8_t has_dead[WEIR_JSON_DEPTH_MAX + 2];
  uint32_t hashes[WEIR_JSON_KEYS_MAX];
  uint32_t places[WEIR_JSON_KEYS_MAX];  // Offsets in dst, DEAD when superseded.
  // Keys come and go as a stack, so a bucket is a chain from its youngest key (index + 1) down; a
  // look-up stops at the first key of an outer object.
  uint16_t youngest[KEY_BUCKETS];
  uint16_t older[WEIR_JSON_KEYS_MAX];
  json_state state;
} writer;

static int put(writer *x, uint8_t c) {
  if (x->w == x->limit) return WEIR_JSON_ERROR_FULL;
  *x->w++ = c;
  return 0;
}

static int put_bytes(writer *x, const uint8_t *s, size_t n) {
  if ((size_t)(x->limit - x->w) < n) return WEIR_JSON_ERROR_FULL;
  memcpy(x->w, s, n);
  x->w += n;
  return 0;
}

/// Writes the string whose quote is at x->s, quotes included.
static int put_string(writer *x) {
  uint32_t flags = JSON_FLAGS_ALL;
  const uint8_t *body = x->s + 1;
  const uint8_t *quote = weir_json_scan_string(body, x->end, &flags, &x->state);
  if (!quote) return (int)x->state.error;
  size_t n = (size_t)(quote - body);
  x->s = quote + 1;
  if (flags & WEIR_JSON_CANONICAL) return put_bytes(x, body - 1, n + 2);
  int error = put(x, '"');
  if (!error) error = weir_json_write_body(&x->w, x->limit, body, n);
  return error ? error : put(x, '"');
}

/// Writes the number, true, false or null at x->s; a number beyond every double as its text.
static int put_scalar(writer *x) {
  weir_json_member value;
  const uint8_t *after = weir_json_scan_value(x->s, x->end, &value, &x->state);
  if (!after) return (int)x->state.error;
  const uint8_t *token = x->s;
  x->s = after;
  size_t length = (size_t)(after - token);
  if (value.flags & WEIR_JSON_CANONICAL) return put_bytes(x, token, length);
  if (value.type == WEIR_JSON_DOUBLE && isinf(value.num.f64)) {
    int error = put(x, '"');
    if (!error) error = put_bytes(x, token, length);
    return error ? error : put(x, '"');
  }
  uint8_t text[32];
  size_t n = value.type == WEIR_JSON_DOUBLE
                 ? weir_put_double_json(text, value.num.f64, WEIR_NAN_RAW)
                 : weir_put_i64(text, value.num.i64);
  return put_bytes(x, text, n);
}

/// To the next token; an error at the end of the input.
static int next_token(writer *x) {
  x->s = json_skip(x->s, x->end);
  return x->s < x->end ? 0 : WEIR_JSON_ERROR_CUT;
}

/// Writes the key at x->s and its colon, and marks an earlier member of the same key dead.
static int put_key(writer *x) {
  if (*x->s != '"') return WEIR_JSON_ERROR_SYNTAX;
  if (x->keys == WEIR_JSON_KEYS_MAX) return WEIR_JSON_ERROR_MEMBERS;
  uint8_t *name = x->w;
  int error = put_string(x);
  if (error) return error;
  size_t n = (size_t)(x->w - name);
  // dst has no padding, so this is the hash that reads nothing beyond the key.
  uint32_t hash = weir_hash_bytes(name, n);
  uint16_t *bucket = &x->youngest[hash % KEY_BUCKETS];
  for (uint32_t at = *bucket; at > x->first_key[x->level]; at = x->older[at - 1]) {
    uint32_t i = at - 1;
    if (x->hashes[i] != hash || x->places[i] & DEAD) continue;
    // The closing quote is compared too, so a longer key cannot pass.
    if (!weir_memeq(x->dst + x->places[i], name, n)) continue;
    x->places[i] |= DEAD;
    x->has_dead[x->level] = 1;
    break;
  }
  x->hashes[x->keys] = hash;
  x->older[x->keys] = *bucket;
  *bucket = (uint16_t)(x->keys + 1);
  x->places[x->keys++] = (uint32_t)(name - x->dst);
  if ((error = next_token(x))) return error;
  if (*x->s != ':') return WEIR_JSON_ERROR_SYNTAX;
  x->s++;
  error = put(x, ':');
  return error ? error : next_token(x);
}

/// Takes the dead members of the innermost object out of dst.
static void squeeze(writer *x) {
  uint8_t *to = NULL;
  for (uint32_t i = x->first_key[x->level]; i < x->keys; i++) {
    uint8_t *from = x->dst + (x->places[i] & ~DEAD);
    uint8_t *next = i + 1 < x->keys ? x->dst + (x->places[i + 1] & ~DEAD) : x->w;
    if (!to) to = from;
    if (x->places[i] & DEAD) continue;
    memmove(to, from, (size_t)(next - from));
    to += next - from;
  }
  if (to) x->w = to;
}

static int open_container(writer *x) {
  int object = *x->s == '{';
  if (x->level == WEIR_JSON_DEPTH_MAX) return WEIR_JSON_ERROR_DEPTH;
  uint64_t bit = (uint64_t)1 << x->level;
  x->objects = object ? x->objects | bit : x->objects & ~bit;
  x->level++;
  x->first_key[x->level] = (uint16_t)x->keys;
  x->has_dead[x->level] = 0;
  int error = put(x, *x->s++);
  return error ? error : next_token(x);
}

static int close_container(writer *x) {
  if (x->has_dead[x->level]) squeeze(x);
  while (x->keys > x->first_key[x->level]) {
    x->keys--;
    x->youngest[x->hashes[x->keys] % KEY_BUCKETS] = x->older[x->keys];
  }
  x->level--;
  return put(x, *x->s++);
}

static int in_object(const writer *x) { return x->objects >> (x->level - 1) & 1; }

static int put_value(writer *x) {
  int error;
  for (;;) {
    // A value begins here.
    if (*x->s == '{' || *x->s == '[') {
      if ((error = open_container(x))) return error;
      if (*x->s != (in_object(x) ? '}' : ']')) {
        if (in_object(x) && (error = put_key(x))) return error;
        continue;
      }
      if ((error = close_container(x))) return error;
    } else if ((error = *x->s == '"' ? put_string(x) : put_scalar(x))) {
      return error;
    }
    // A value has ended: go on in the container, or out of it.
    for (;;) {
      if (x->level == 0) return 0;
      if ((error = next_token(x))) return error;
      if (*x->s == ',') break;
      if (*x->s != (in_object(x) ? '}' : ']')) return WEIR_JSON_ERROR_SYNTAX;
      if ((error = close_container(x))) return error;
    }
    x->s++;
    if ((error = put(x, ',')) || (error = next_token(x))) return error;
    if (in_object(x) && (error = put_key(x))) return error;
  }
}

ptrdiff_t weir_json_normalise(uint8_t *dst, size_t cap, const uint8_t *src, size_t n) {
  if (n > UINT32_MAX / 8) return -WEIR_JSON_ERROR_TOO_LONG;
  writer x;
  x.s = src;
  x.end = src + n;
  x.dst = x.w = dst;
  x.limit = dst + (cap < 6 * n + 32 ? cap : 6 * n + 32);
  x.objects = 0;
  x.level = x.keys = 0;
  x.first_key[0] = x.has_dead[0] = 0;
  memset(x.youngest, 0, sizeof x.youngest);
  x.state = (json_state){src, WEIR_JSON_OK, 0};
  int error = next_token(&x);
  if (!error) error = put_value(&x);
  return error ? -error : x.w - dst;
}
