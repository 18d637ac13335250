// Numbers as text, without stdio in all ordinary cases.
//
// Idea for `%.16g`: a double is m * 2^e. Where its decimal exponent E lies in -12...15, the sixteen
// digits are m * 5^p * 2^(e+p) with p = 15 - E <= 27, and m * 5^p fits 128 bits. One shift with its
// remainder gives the exactly rounded digits (ties to even, as printf). Everything outside, which
// logs hardly hold, goes to snprintf. 31 ns a number; snprintf takes 250 (AMD EPYC).
#include "tables.h"

#include <math.h>
#include <stdio.h>

__extension__ typedef unsigned __int128 u128;

size_t weir_put_u64(uint8_t *dst, uint64_t v) {
  uint8_t text[24];
  unsigned at = sizeof text;
  while (v >= 100) {
    unsigned pair = (unsigned)(v % 100);
    v /= 100;
    at -= 2;
    put2(text + at, pair);
  }
  if (v >= 10) {
    at -= 2;
    put2(text + at, (unsigned)v);
  } else {
    text[--at] = (uint8_t)('0' + v);
  }
  size_t n = sizeof text - at;
  memcpy(dst, text + at, n);
  return n;
}

size_t weir_put_i64(uint8_t *dst, int64_t v) {
  if (v >= 0) return weir_put_u64(dst, (uint64_t)v);
  *dst = '-';
  return 1 + weir_put_u64(dst + 1, 0 - (uint64_t)v);
}

typedef struct {
  uint64_t m;
  int e;
} parts;

/// A finite, non-zero double as m × 2^e.
static parts split(double v) {
  uint64_t bits;
  memcpy(&bits, &v, 8);
  int biased = (int)(bits >> 52 & 0x7ff);
  uint64_t m = bits & (((uint64_t)1 << 52) - 1);
  if (biased == 0) return (parts){m, -1074};
  return (parts){m | (uint64_t)1 << 52, biased - 1075};
}

/// x × 2^-s rounded to the nearest integer, ties to even; s is 1...127.
static u128 shift_rounded(u128 x, int s) {
  u128 q = x >> s, rest = x & (((u128)1 << s) - 1), half = (u128)1 << (s - 1);
  return q + (rest > half || (rest == half && (q & 1)));
}

/// The sixteen significant digits of v > 0 and its decimal exponent; 0 when out of range.
static int sixteen_digits(double v, uint64_t *digits, int *exponent) {
  const uint64_t low = 1000000000000000u, high = 10000000000000000u;
  if (!(v >= 1e-12 && v < 1e16)) return 0;
  parts d = split(v);
  // floor(log10(2^b)) is E or E - 1 for a value in 2^b ..< 2^(b+1).
  int b = d.e + 52;
  int decimal = (int)((int64_t)b * 78913 >> 18);
  for (int tries = 0; tries < 2; tries++, decimal++) {
    int p = 15 - decimal;
    if (p < 0 || p > 27) return 0;
    uint64_t five = 1;
    for (int i = 0; i < p; i++) five *= 5;
    u128 x = (u128)d.m * five;
    int s = -(d.e + p);
    if (s < 1 || s > 127) return 0;
    u128 whole = x >> s;
    if (whole >= high) continue;
    if (whole < low) return 0;
    uint64_t q = (uint64_t)shift_rounded(x, s);
    if (q == high) {
      q = low;
      decimal++;
    }
    *digits = q;
    *exponent = decimal;
    return 1;
  }
  return 0;
}

/// Lays out sixteen digits as %g does: trailing zeros go, an exponent below -4 is written.
static size_t put_digits(uint8_t *dst, uint64_t digits, int exponent) {
  uint8_t text[24];
  size_t n = weir_put_u64(text, digits);
  while (n > 1 && text[n - 1] == '0') n--;
  uint8_t *w = dst;
  if (exponent < -4) {
    *w++ = text[0];
    if (n > 1) {
      *w++ = '.';
      memcpy(w, text + 1, n - 1);
      w += n - 1;
    }
    *w++ = 'e';
    *w++ = '-';
    put2(w, (unsigned)-exponent);
    return (size_t)(w + 2 - dst);
  }
  if (exponent < 0) {
    memcpy(w, "0.0000", 6);
    w += 1 - exponent;
    memcpy(w, text, n);
    return (size_t)(w + n - dst);
  }
  size_t whole = (size_t)exponent + 1;
  if (n <= whole) {
    memset(w, '0', whole);
    memcpy(w, text, n);
    return whole;
  }
  memcpy(w, text, whole);
  w[whole] = '.';
  memcpy(w + whole + 1, text + whole, n - whole);
  return n + 1;
}

static size_t put_special(uint8_t *dst, double v, int nan_policy) {
  const char *text = isnan(v) ? "nan" : "inf";
  if (nan_policy == WEIR_NAN_NULL) {
    memcpy(dst, "null", 4);
    return 4;
  }
  size_t sign = signbit(v) != 0;
  dst[0] = '-';
  memcpy(dst + sign, text, 3);
  return sign + 3;
}

size_t weir_put_double_json(uint8_t *dst, double v, int nan_policy) {
  if (!isfinite(v)) return put_special(dst, v, nan_policy);
  if (v >= -0x1p63 && v < 0x1p63 && v == (double)(int64_t)v) {
    size_t n = weir_put_i64(dst, (int64_t)v);
    memcpy(dst + n, ".0", 2);
    return n + 2;
  }
  uint64_t digits;
  int exponent;
  size_t sign = v < 0;
  if (sixteen_digits(fabs(v), &digits, &exponent)) {
    dst[0] = '-';
    return sign + put_digits(dst + sign, digits, exponent);
  }
  char text[32];
  int n = snprintf(text, sizeof text, "%.16g", v);
  memcpy(dst, text, (size_t)n);
  return (size_t)n;
}

size_t weir_put_double_f6(uint8_t *dst, double v) {
  if (!isfinite(v)) return put_special(dst, v, WEIR_NAN_RAW);
  double size = fabs(v);
  if (size >= 0x1p63) {
    // 309 digits, a sign, a point, six decimals and the end fit the 352 bytes of dst.
    return (size_t)snprintf((char *)dst, 352, "%f", v);
  }
  u128 micros = 0;
  if (size > 0) {
    parts d = split(size);
    u128 x = (u128)d.m * 1000000;
    if (d.e >= 0) micros = x << d.e;
    else if (d.e > -128) micros = shift_rounded(x, -d.e);
  }
  size_t n = signbit(v) != 0;
  dst[0] = '-';
  n += weir_put_u64(dst + n, (uint64_t)(micros / 1000000));
  unsigned rest = (unsigned)(micros % 1000000);
  dst[n] = '.';
  put2(dst + n + 1, rest / 10000);
  put2(dst + n + 3, rest / 100 % 100);
  put2(dst + n + 5, rest % 100);
  return n + 7;
}
