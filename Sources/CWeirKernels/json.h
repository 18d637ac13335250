#pragma once
// What the JSON files share.
#include "number.h"

enum {
  JSON_FLAGS_ALL = WEIR_JSON_PLAIN | WEIR_JSON_CANONICAL | WEIR_JSON_ASCII,
  JSON_VALUE_FLAGS = WEIR_JSON_CANONICAL | WEIR_JSON_ASCII,
};

/// Where a scan failed.
typedef struct {
  const uint8_t *at;
  uint32_t error;
  uint32_t depth;  // Deepest level seen.
} json_state;

WEIR_INLINE const uint8_t *json_fail(json_state *state, const uint8_t *at, uint32_t error) {
  state->at = at;
  state->error = error;
  return NULL;
}

WEIR_INLINE int json_blank(uint8_t c) {
  const uint64_t blanks = (uint64_t)1 << ' ' | 1u << '\t' | 1u << '\n' | 1u << '\r';
  return c <= ' ' && (blanks >> c & 1);
}

/// Past blanks, at most to `end`.
WEIR_INLINE const uint8_t *json_skip(const uint8_t *s, const uint8_t *end) {
  while (s < end && json_blank(*s)) s++;
  return s;
}

/// Past an escape whose backslash is at s. Clears PLAIN, and CANONICAL when the writer would not
/// write it so. Null with an error in *state.
const uint8_t *weir_json_skip_escape(const uint8_t *s, const uint8_t *end, uint32_t *flags,
                                     json_state *state);

/// What is wrong with a token that is none of true, false, null: cut off by `end`, or no word.
uint32_t weir_json_word_error(const uint8_t *s, const uint8_t *end);

/// The value of four hex digits, or a negative number.
int32_t weir_json_hex4(const uint8_t *s);

/// Writes a string's body in canonical form at *w, which moves; WEIR_JSON_ERROR_FULL when fewer
/// than eight bytes are left before `limit` while there is more to write.
int weir_json_write_body(uint8_t **w, const uint8_t *limit, const uint8_t *src, size_t n);

/// The byte a two-character escape `\c` stands for, or 0 (then c is 'u' or illegal).
extern const uint8_t weir_json_short_escape[256];

/// Scans the value at s, a token that is no blank, with this processor's kernel (dispatch.c).
/// Sets type, flags and num of *out, not its offsets. Returns the byte after it, or null.
const uint8_t *weir_json_scan_value(const uint8_t *s, const uint8_t *end, weir_json_member *out,
                                    json_state *state);
/// Past the string whose opening quote is before s, on its closing quote; null with an error.
const uint8_t *weir_json_scan_string(const uint8_t *s, const uint8_t *end, uint32_t *flags,
                                     json_state *state);

#define JSON_DECLARE(isa)                                                                      \
  const uint8_t *weir_json_scan_value_##isa(const uint8_t *s, const uint8_t *end,              \
                                            weir_json_member *out, json_state *state);         \
  const uint8_t *weir_json_scan_string_##isa(const uint8_t *s, const uint8_t *end,             \
                                             uint32_t *flags, json_state *state);
JSON_DECLARE(portable)
JSON_DECLARE(sse2)
JSON_DECLARE(avx2)
