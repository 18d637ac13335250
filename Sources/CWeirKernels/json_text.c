// JSON string bodies: to their content, to canonical form, compared.
#include "json.h"
#include "tables.h"

/// The escape at s (a backslash; n bytes remain) as a code point; returns the bytes taken, or 0
/// when it is no escape. A pair of surrogates is one code point; a lone one becomes U+FFFD.
static unsigned take_escape(const uint8_t *s, size_t n, uint32_t *cp) {
  if (n < 2) return 0;
  uint8_t c = weir_json_short_escape[s[1]];
  if (c) {
    *cp = c;
    return 2;
  }
  if (s[1] != 'u' || n < 6) return 0;
  int32_t unit = weir_json_hex4(s + 2);
  if (unit < 0) return 0;
  *cp = (uint32_t)unit;
  if ((unit & 0xf800) != 0xd800) return 6;
  if (unit < 0xdc00 && n >= 12 && s[6] == '\\' && s[7] == 'u') {
    int32_t low = weir_json_hex4(s + 8);
    if (low >= 0xdc00 && low <= 0xdfff) {
      *cp = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
      return 12;
    }
  }
  *cp = 0xfffd;
  return 6;
}

size_t weir_json_unescape(uint8_t *dst, const uint8_t *src, size_t n) {
  uint8_t *w = dst;
  size_t i = 0;
  while (i < n) {
    const uint8_t *backslash = memchr(src + i, '\\', n - i);
    size_t run = backslash ? (size_t)(backslash - src) - i : n - i;
    memcpy(w, src + i, run);
    w += run;
    i += run;
    if (!backslash) break;
    uint32_t cp;
    unsigned taken = take_escape(backslash, n - i, &cp);
    if (taken) {
      w += utf8_encode(w, cp);
      i += taken;
    } else {
      *w++ = '\\';
      i++;
    }
  }
  return (size_t)(w - dst);
}

int weir_json_write_body(uint8_t **out, const uint8_t *limit, const uint8_t *src, size_t n) {
  uint8_t *w = *out;
  size_t i = 0;
  while (i < n) {
    if (limit - w < 8) break;
    uint8_t c = src[i];
    uint32_t cp = c;
    unsigned taken = 1;
    if (c == '\\') {
      taken = take_escape(src + i, n - i, &cp);
      if (taken == 0) {
        taken = 1;
        cp = c;
      }
    }
    i += taken;
    if (cp < 0x80 && weir_escapes[cp].size) {
      memcpy(w, &weir_escapes[cp], 8);
      w += weir_escapes[cp].size;
    } else if (taken == 1) {
      *w++ = c;
    } else {
      w += utf8_encode(w, cp);
    }
  }
  *out = w;
  return i < n ? WEIR_JSON_ERROR_FULL : WEIR_JSON_OK;
}

size_t weir_json_normalise_string(uint8_t *dst, const uint8_t *src, size_t n) {
  uint8_t *w = dst;
  weir_json_write_body(&w, dst + 6 * n + 16, src, n);
  return (size_t)(w - dst);
}

int weir_json_string_equals(const uint8_t *body, size_t n, const uint8_t *key, size_t key_len) {
  size_t k = 0;
  for (size_t i = 0; i < n;) {
    uint8_t text[4] = {body[i]};
    unsigned size = 1, taken = 1;
    uint32_t cp;
    if (body[i] == '\\') {
      unsigned escape = take_escape(body + i, n - i, &cp);
      if (escape) {
        taken = escape;
        size = utf8_encode(text, cp);
      }
    }
    if (key_len - k < size) return 0;
    for (unsigned j = 0; j < size; j++) {
      if (key[k + j] != text[j]) return 0;
    }
    k += size;
    i += taken;
  }
  return k == key_len;
}
