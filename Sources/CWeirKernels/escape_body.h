// JSON string bodies out, and canonical text to \u form.
//
// Idea: load a block, store it at once, and only then look at the mask of bytes that need work. A
// clean block costs one store; a block with marks is walked bit by bit (runs are copied by 16-byte
// stores, an escape is one 8-byte store from a table), so that the next escape does not wait for a
// new load and compare. Non-ASCII leaves the block, is decoded to the end of its run and re-enters
// at the byte after it, which may be the end of the text.
//
// Measured (one core, AMD EPYC, MB/s; portable / SSE2 / AVX2; memcpy by line in brackets): plain
// text of 112 bytes a line 2700 / 7400 / 9300 (15000), application JSON with 40 quotes a line
// 1750 / 2900 / 3320, half Cyrillic 1010 / 1200 / 1180. Tried and lost: copying a character by its
// length in raw mode (a call to memcpy, -30 %).
//
// Room: a byte becomes at most six, so w <= 6i always and w + 16 <= 6n + 16. A store of a whole
// vector happens only while at least that many source bytes remain.

WEIR_INLINE uint8_t *VARIANT(copy_run)(uint8_t *w, const uint8_t *s, size_t n) {
  // At most VEC_BYTES bytes; stores end within 15 bytes of w + n.
#if VEC_BYTES >= 16
  __m128i a = _mm_loadu_si128((const __m128i *)s);
  _mm_storeu_si128((__m128i *)w, a);
#if VEC_BYTES == 32
  if (n > 16) {
    __m128i b = _mm_loadu_si128((const __m128i *)(s + 16));
    _mm_storeu_si128((__m128i *)(w + 16), b);
  }
#endif
#else
  store64(w, load64(s));
#endif
  return w + n;
}

/// Writes one non-ASCII character or invalid byte at s (n bytes remain); returns bytes taken.
WEIR_INLINE unsigned VARIANT(put_wide)(uint8_t **w, const uint8_t *s, size_t n, int mode) {
  uint32_t cp;
  unsigned size = utf8_decode(s, n, &cp);
  uint8_t *o = *w;
  if (mode != WEIR_JSON_ESCAPED) {
    // Four bytes at once: both sides have the room.
    if (size) memcpy(o, s, 4);
    else memcpy(o, "\xef\xbf\xbd", 3);
    *w = o + (size ? size : 3);
    return size ? size : 1;
  }
  if (size == 0) {
    *w = o + utf8_encode(o, 0xe000u + s[0]);
    return 1;
  }
  if (cp >= 0x10000) {
    uint32_t high = 0xd7c0 + (cp >> 10);
    memcpy(o, "\\u", 2);
    memcpy(o + 2, weir_hex_pairs + 2 * (high >> 8), 2);
    memcpy(o + 4, weir_hex_pairs + 2 * (high & 0xff), 2);
    o += 6;
    cp = 0xdc00 | (cp & 0x3ff);
  }
  memcpy(o, "\\u", 2);
  memcpy(o + 2, weir_hex_pairs + 2 * (cp >> 8), 2);
  memcpy(o + 4, weir_hex_pairs + 2 * (cp & 0xff), 2);
  *w = o + 6;
  return size;
}

/// Writes the marked block at s up to its end or its first non-ASCII byte; returns bytes taken.
WEIR_INLINE size_t VARIANT(put_marked)(uint8_t **out, const uint8_t *s, size_t n, mask m) {
  uint8_t *w = *out;
  size_t at = 0;
  do {
    size_t k = MASK_INDEX(m);
    w = VARIANT(copy_run)(w, s + at, k - at);
    uint8_t c = s[k];
    if (c >= 0x80) {
      *out = w;
      return k;
    }
    memcpy(w, &weir_escapes[c], 8);
    w += weir_escapes[c].size;
    at = k + 1;
    m &= m - 1;
  } while (m);
  *out = VARIANT(copy_run)(w, s + at, n - at);
  return n;
}

WEIR_INLINE size_t VARIANT(escape)(uint8_t *dst, const uint8_t *src, size_t n, int mode,
                                   int canonical) {
  uint8_t *w = dst;
  size_t i = 0;
  while (i < n) {
    size_t rest = n - i;
    vec v = vec_load(src + i);
    mask m = canonical ? vec_high(v) : vec_special(v, 1);
    if (WEIR_LIKELY(rest >= VEC_BYTES)) {
      vec_store(w, v);
      if (WEIR_LIKELY(m == 0)) {
        w += VEC_BYTES;
        i += VEC_BYTES;
        continue;
      }
      rest = VEC_BYTES;
    } else {
      m &= MASK_BELOW(rest);
      if (m == 0) {
        w = VARIANT(copy_run)(w, src + i, rest);
        break;
      }
    }
    i += VARIANT(put_marked)(&w, src + i, rest, m);
    while (i < n && src[i] >= 0x80) i += VARIANT(put_wide)(&w, src + i, n - i, mode);
  }
  return (size_t)(w - dst);
}

size_t VARIANT(weir_json_escape)(uint8_t *dst, const uint8_t *src, size_t n, int mode) {
  return VARIANT(escape)(dst, src, n, mode, 0);
}

size_t VARIANT(weir_json_reescape)(uint8_t *dst, const uint8_t *src, size_t n, int mode) {
  return VARIANT(escape)(dst, src, n, mode, 1);
}
