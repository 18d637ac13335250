// The parts of JSON reading that are the same for every vector width.
#include "json.h"

const uint8_t weir_json_short_escape[256] = {
    ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
};

static int hex_digit(uint8_t c) {
  if ((unsigned)(c - '0') <= 9) return c - '0';
  unsigned letter = (c | 0x20u) - 'a';
  return letter < 6 ? (int)letter + 10 : -1;
}

int32_t weir_json_hex4(const uint8_t *s) {
  int a = hex_digit(s[0]), b = hex_digit(s[1]), c = hex_digit(s[2]), d = hex_digit(s[3]);
  return (a | b | c | d) < 0 ? -1 : a << 12 | b << 8 | c << 4 | d;
}

/// Whether the writer writes this code point as these four digits: controls without a short form,
/// and DEL, in lowercase.
static int canonical_unicode(const uint8_t *digits, int32_t cp) {
  if (cp != 0x7f && (cp >= 0x20 || (cp >= 8 && cp <= 13 && cp != 11))) return 0;
  return (unsigned)(digits[3] - '0') <= 9 || digits[3] >= 'a';
}

const uint8_t *weir_json_skip_escape(const uint8_t *s, const uint8_t *end, uint32_t *flags,
                                     json_state *state) {
  *flags &= ~(uint32_t)WEIR_JSON_PLAIN;
  if (end - s < 2) return json_fail(state, s, WEIR_JSON_ERROR_CUT);
  uint8_t c = s[1];
  if (c != 'u') {
    if (!weir_json_short_escape[c]) return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
    if (c == '/') *flags &= ~(uint32_t)WEIR_JSON_CANONICAL;
    return s + 2;
  }
  if (end - s < 6) return json_fail(state, s, WEIR_JSON_ERROR_CUT);
  int32_t cp = weir_json_hex4(s + 2);
  if (cp < 0) return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
  if (!canonical_unicode(s + 2, cp)) *flags &= ~(uint32_t)WEIR_JSON_CANONICAL;
  return s + 6;
}

uint32_t weir_json_word_error(const uint8_t *s, const uint8_t *end) {
  size_t n = (size_t)(end - s);
  if ((n < 4 && (memcmp(s, "true", n) == 0 || memcmp(s, "null", n) == 0)) ||
      (n < 5 && memcmp(s, "false", n) == 0)) {
    return WEIR_JSON_ERROR_CUT;
  }
  return WEIR_JSON_ERROR_SYNTAX;
}

/// Whether another complete JSON value begins at s.
static int another_value(const uint8_t *s, const uint8_t *end) {
  s = json_skip(s, end);
  if (s >= end) return 0;
  if (!memchr("{[\"-0123456789tfn", *s, 17)) return 0;
  weir_json_member member;
  json_state state = {s, WEIR_JSON_OK, 0};
  return weir_json_scan_value(s, end, &member, &state) != NULL;
}

int weir_json_object(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                     uint32_t cap, weir_json_result *r) {
  int error = weir_json_object_prefix(p, n, base, out, cap, r);
  if (error || r->end == n) return error;
  if (another_value(p + r->end, p + n)) {
    r->error = WEIR_JSON_ERROR_TRAILING;
    r->error_off = r->end;
  }
  return (int)r->error;
}

int weir_json_value(const uint8_t *p, size_t n, weir_json_member *out, weir_json_result *r) {
  memset(r, 0, sizeof *r);
  memset(out, 0, sizeof *out);
  if (n > UINT32_MAX) return (int)(r->error = WEIR_JSON_ERROR_TOO_LONG);
  const uint8_t *end = p + n, *s = json_skip(p, end);
  json_state state = {s, WEIR_JSON_ERROR_CUT, 0};
  const uint8_t *after = s < end ? weir_json_scan_value(s, end, out, &state) : NULL;
  // The kernels count the member's object as the first level.
  r->depth = state.depth ? state.depth - 1 : 0;
  if (!after) {
    r->error_off = (uint32_t)(state.at - p);
    return (int)(r->error = state.error);
  }
  uint32_t quote = out->type == WEIR_JSON_STRING;
  out->val_off = (uint32_t)(s - p) + quote;
  out->val_len = (uint32_t)(after - s) - 2 * quote;
  r->end = (uint32_t)(after - p);
  return WEIR_JSON_OK;
}
