#pragma once
// What the kernel files share: loads, digits, dispatch.
#include "weir_kernels.h"
#include "weir_kernels_variants.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernels assume little-endian byte order"
#endif

#define WEIR_LIKELY(x) __builtin_expect(!!(x), 1)
#define WEIR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WEIR_INLINE static inline __attribute__((always_inline))

WEIR_INLINE uint64_t load64(const void *p) {
  uint64_t x;
  memcpy(&x, p, 8);
  return x;
}

WEIR_INLINE uint32_t load32(const void *p) {
  uint32_t x;
  memcpy(&x, p, 4);
  return x;
}

WEIR_INLINE void store64(void *p, uint64_t x) { memcpy(p, &x, 8); }

/// "00" ... "99", two bytes each.
extern const uint8_t weir_digit_pairs[201];

WEIR_INLINE void put2(uint8_t *dst, unsigned v) { memcpy(dst, weir_digit_pairs + 2 * v, 2); }

/// Marks (0x80) the bytes of x ^ "00000000" that are no digits, exact up to the first such byte.
WEIR_INLINE uint64_t non_digits(uint64_t d) {
  return ((d + 0x7676767676767676u) | d) & 0x8080808080808080u;
}

/// The value of eight digits whose '0' has been taken off; the first is the lowest byte.
WEIR_INLINE uint32_t eight_digits(uint64_t d) {
  d = d * 10 + (d >> 8);
  return (uint32_t)((((d & 0x000000ff000000ffu) * 0x000f424000000064u) +
                     (((d >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u)) >> 32);
}

/// Length (1-4) of the well-formed UTF-8 sequence at p, which has n > 0 bytes; 0 if malformed.
/// Sets *cp.
WEIR_INLINE unsigned utf8_decode(const uint8_t *p, size_t n, uint32_t *cp) {
  uint32_t c = p[0];
  if (c < 0x80) {
    *cp = c;
    return 1;
  }
  if (c < 0xc2 || n < 2 || (p[1] & 0xc0) != 0x80) return 0;
  if (c < 0xe0) {
    *cp = (c & 0x1f) << 6 | (p[1] & 0x3f);
    return 2;
  }
  if (n < 3 || (p[2] & 0xc0) != 0x80) return 0;
  if (c < 0xf0) {
    uint32_t x = (c & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    if (x < 0x800 || (x >= 0xd800 && x <= 0xdfff)) return 0;
    *cp = x;
    return 3;
  }
  if (c > 0xf4 || n < 4 || (p[3] & 0xc0) != 0x80) return 0;
  uint32_t x = (c & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 |
               (p[3] & 0x3f);
  if (x < 0x10000 || x > 0x10ffff) return 0;
  *cp = x;
  return 4;
}

/// Writes a code point (no surrogate) as UTF-8, 1-4 bytes.
WEIR_INLINE unsigned utf8_encode(uint8_t *dst, uint32_t cp) {
  if (cp < 0x80) {
    dst[0] = (uint8_t)cp;
    return 1;
  }
  if (cp < 0x800) {
    dst[0] = (uint8_t)(0xc0 | cp >> 6);
    dst[1] = (uint8_t)(0x80 | (cp & 0x3f));
    return 2;
  }
  if (cp < 0x10000) {
    dst[0] = (uint8_t)(0xe0 | cp >> 12);
    dst[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
    dst[2] = (uint8_t)(0x80 | (cp & 0x3f));
    return 3;
  }
  dst[0] = (uint8_t)(0xf0 | cp >> 18);
  dst[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
  dst[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
  dst[3] = (uint8_t)(0x80 | (cp & 0x3f));
  return 4;
}
