// Looking inside an object or array that is still text: one child after the other.
#include "json.h"

static int fail(uint32_t error) { return -(int)error; }

/// The key at s, whose opening quote is before it; returns the byte at the member's value.
static const uint8_t *take_key(const uint8_t *p, const uint8_t *s, const uint8_t *end,
                               weir_json_member *out, json_state *state) {
  if (*s != '"') return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
  const uint8_t *name = s + 1;
  uint32_t flags = JSON_FLAGS_ALL;
  s = weir_json_scan_string(name, end, &flags, state);
  if (!s) return NULL;
  out->key_off = (uint32_t)(name - p);
  out->key_len = (uint32_t)(s - name);
  out->key_flags = (uint8_t)flags;
  s = json_skip(s + 1, end);
  if (s >= end) return json_fail(state, s, WEIR_JSON_ERROR_CUT);
  if (*s != ':') return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
  s = json_skip(s + 1, end);
  if (s >= end) return json_fail(state, s, WEIR_JSON_ERROR_CUT);
  return s;
}

int weir_json_next(const uint8_t *p, size_t n, size_t *cursor, weir_json_member *out) {
  memset(out, 0, sizeof *out);
  if (n > UINT32_MAX) return fail(WEIR_JSON_ERROR_TOO_LONG);
  const uint8_t *end = p + n, *opening = json_skip(p, end);
  if (opening >= end) return fail(WEIR_JSON_ERROR_CUT);
  int object = *opening == '{';
  if (!object && *opening != '[') return fail(WEIR_JSON_ERROR_SYNTAX);
  uint8_t close = object ? '}' : ']';
  if (*cursor > n) return fail(WEIR_JSON_ERROR_CUT);
  int first = *cursor == 0;
  const uint8_t *s = json_skip(first ? opening + 1 : p + *cursor, end);
  if (s >= end) return fail(WEIR_JSON_ERROR_CUT);
  if (*s == close) return 0;
  if (!first) {
    if (*s != ',') return fail(WEIR_JSON_ERROR_SYNTAX);
    s = json_skip(s + 1, end);
    if (s >= end) return fail(WEIR_JSON_ERROR_CUT);
  }
  json_state state = {s, WEIR_JSON_OK, 0};
  if (object) {
    s = take_key(p, s, end, out, &state);
    if (!s) return fail(state.error);
  }
  const uint8_t *after = weir_json_scan_value(s, end, out, &state);
  if (!after) return fail(state.error);
  uint32_t quote = out->type == WEIR_JSON_STRING;
  out->val_off = (uint32_t)(s - p) + quote;
  out->val_len = (uint32_t)(after - s) - 2 * quote;
  *cursor = (size_t)(after - p);
  return 1;
}

int weir_json_find_member(const uint8_t *p, size_t n, const uint8_t *key, size_t key_len,
                          weir_json_member *out) {
  weir_json_member member;
  size_t cursor = 0;
  int found = 0, more;
  memset(out, 0, sizeof *out);
  const uint8_t *opening = json_skip(p, p + n);
  if (opening < p + n && *opening == '[') return 0;
  while ((more = weir_json_next(p, n, &cursor, &member)) > 0) {
    const uint8_t *name = p + member.key_off;
    int same = member.key_flags & WEIR_JSON_PLAIN
                   ? member.key_len == key_len && weir_memeq(name, key, key_len)
                   : weir_json_string_equals(name, member.key_len, key, key_len);
    if (same) {
      *out = member;
      found = 1;
    }
  }
  return more < 0 ? more : found;
}

int weir_json_element(const uint8_t *p, size_t n, size_t index, weir_json_member *out) {
  size_t cursor = 0;
  memset(out, 0, sizeof *out);
  const uint8_t *opening = json_skip(p, p + n);
  if (opening < p + n && *opening == '{') return 0;
  for (;;) {
    int more = weir_json_next(p, n, &cursor, out);
    if (more <= 0 || index-- == 0) return more;
  }
}
