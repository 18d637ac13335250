// JSON number tokens to integers and doubles.
//
// Idea: a log line's numbers are short. Integers of up to 15 digits never come here (number.h), and
// `digits.digits` of up to 15 is two words, one division and a comparison that proves the token
// canonical without rendering it. Up to 19 digits fit 64 bits; with a power of ten up to 27 either
// way the exact quotient or product fits 128 bits and is rounded once, so the result is the
// nearest double without a table of powers. What is left (20 and more digits, huge exponents)
// goes to strtod, with at most 770 digits: more cannot change the nearest double but by a last
// sticky one.
#include "number.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

const uint64_t weir_powers_of_ten[20] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

__extension__ typedef unsigned __int128 u128;

/// Rounds q × 2^e2 (plus something less than one unit of q when `sticky`) to the nearest double.
static double round_to_double(u128 q, int sticky, int e2) {
  uint64_t high = (uint64_t)(q >> 64);
  int bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)q);
  int shift = bits - 53;
  if (shift <= 0) return ldexp((double)(uint64_t)q, e2);
  uint64_t mantissa = (uint64_t)(q >> shift);
  u128 rest = q & (((u128)1 << shift) - 1), half = (u128)1 << (shift - 1);
  if (rest > half || (rest == half && (sticky || (mantissa & 1)))) mantissa++;
  return ldexp((double)mantissa, e2 + shift);
}

static uint64_t power_of_five(unsigned k) {
  uint64_t x = 1;
  while (k--) x *= 5;
  return x;
}

int weir_decimal_to_double(uint64_t w, int64_t e10, double *out) {
  static const double exact[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (w == 0) {
    *out = 0;
    return 1;
  }
  if (w < ((uint64_t)1 << 53) && e10 >= -22 && e10 <= 22) {
    *out = e10 < 0 ? (double)w / exact[-e10] : (double)w * exact[e10];
    return 1;
  }
  if (e10 < -27 || e10 > 27) return 0;
  if (e10 >= 0) {
    *out = round_to_double((u128)w * power_of_five((unsigned)e10), 0, (int)e10);
    return 1;
  }
  uint64_t five = power_of_five((unsigned)-e10);
  int zeros = __builtin_clzll(w);
  u128 numerator = (u128)(w << zeros) << 64;
  u128 q = numerator / five;
  *out = round_to_double(q, q * five != numerator, (int)e10 - 64 - zeros);
  return 1;
}

/// The parts of a number token, as scanned.
typedef struct {
  const uint8_t *digits;  // The first digit.
  const uint8_t *tail;    // After the mantissa.
  uint64_t w;             // The first 19 significant digits.
  int64_t e10;            // The exponent that goes with w.
  int64_t exponent;       // As written.
  unsigned kept;          // Significant digits in w.
  int integral;           // Neither a fraction nor an exponent.
  int cut;                // More than 19 significant digits.
} token;

static int is_digit(uint8_t c) { return (unsigned)(c - '0') <= 9; }

static const uint8_t *take_digits(const uint8_t *s, const uint8_t *end, token *t, int fraction) {
  for (; s < end && is_digit(*s); s++) {
    if (t->kept < 19) {
      t->w = t->w * 10 + (*s - '0');
      t->kept += t->w != 0;
      t->e10 -= fraction;
    } else {
      t->cut = 1;
      t->e10 += !fraction;
    }
  }
  return s;
}

static const uint8_t *scan_token(const uint8_t *s, const uint8_t *end, token *t,
                                 uint32_t *error) {
  memset(t, 0, sizeof *t);
  *error = WEIR_JSON_ERROR_CUT;
  if (s < end && *s == '-') s++;
  if (s >= end) return NULL;
  *error = WEIR_JSON_ERROR_SYNTAX;
  if (!is_digit(*s)) return NULL;
  t->digits = s;
  t->integral = 1;
  const uint8_t *after = take_digits(s, end, t, 0);
  if (*s == '0' && after - s > 1) return NULL;
  s = after;
  if (s < end && *s == '.') {
    t->integral = 0;
    after = take_digits(s + 1, end, t, 1);
    if (after == s + 1) {
      if (after >= end) *error = WEIR_JSON_ERROR_CUT;
      return NULL;
    }
    s = after;
  }
  t->tail = s;
  if (s < end && (*s | 0x20) == 'e') {
    t->integral = 0;
    s++;
    int negative = s < end && *s == '-';
    if (s < end && (*s == '-' || *s == '+')) s++;
    const uint8_t *first = s;
    for (; s < end && is_digit(*s); s++) {
      if (t->exponent < 1000000000) t->exponent = t->exponent * 10 + (*s - '0');
    }
    if (s == first) {
      if (s >= end) *error = WEIR_JSON_ERROR_CUT;
      return NULL;
    }
    if (negative) t->exponent = -t->exponent;
    t->e10 += t->exponent;
  }
  *error = WEIR_JSON_OK;
  return s;
}

/// Any token by strtod: the digits without a point (so that no locale matters) and an exponent.
static double slow_double(const token *t) {
  enum { DIGITS_MAX = 770 };
  char text[DIGITS_MAX + 32];
  unsigned n = 0;
  int64_t exponent = t->exponent;
  int fraction = 0, sticky = 0;
  for (const uint8_t *s = t->digits; s < t->tail; s++) {
    if (*s == '.') {
      fraction = 1;
      continue;
    }
    if (n == 0 && *s == '0') {
      exponent -= fraction;
    } else if (n < DIGITS_MAX) {
      text[n++] = (char)*s;
      exponent -= fraction;
    } else {
      sticky |= *s != '0';
      exponent += !fraction;
    }
  }
  if (n == 0) return 0;
  if (sticky) {
    text[n++] = '1';
    exponent--;
  }
  if (exponent > 100000) exponent = 100000;
  if (exponent < -100000) exponent = -100000;
  text[n++] = 'e';
  n += (unsigned)weir_put_i64((uint8_t *)text + n, exponent);
  text[n] = 0;
  return strtod(text, NULL);
}

/// Integers that fit 64 bits; returns 0 for those that do not.
static int take_integer(const token *t, int negative, weir_number *out) {
  uint64_t v = t->w;
  if (t->cut) {
    // A twentieth digit may still fit.
    if (t->tail - t->digits != 20) return 0;
    if (__builtin_mul_overflow(v, (uint64_t)10, &v)) return 0;
    if (__builtin_add_overflow(v, (uint64_t)(t->tail[-1] - '0'), &v)) return 0;
  }
  out->canonical = 1;
  out->type = WEIR_JSON_I64;
  if (negative) {
    if (v > (uint64_t)INT64_MAX + 1) return 0;
    out->canonical = v != 0;
    out->num.u64 = 0 - v;
  } else {
    if (v > (uint64_t)INT64_MAX) out->type = WEIR_JSON_U64;
    out->num.u64 = v;
  }
  return 1;
}

/// Counts the digits at s, at most 15, and adds them to *w; 16 when there are more.
static unsigned take_quick(const uint8_t *s, uint64_t *w) {
  uint64_t d = load64(s) ^ 0x3030303030303030u, stop = non_digits(d);
  unsigned first = stop ? (unsigned)__builtin_ctzll(stop) >> 3 : 8;
  if (first) *w = *w * weir_powers_of_ten[first] + eight_digits(d << (64 - 8 * first));
  if (first < 8) return first;
  d = load64(s + 8) ^ 0x3030303030303030u;
  stop = non_digits(d);
  if (stop == 0) return 16;
  unsigned second = (unsigned)__builtin_ctzll(stop) >> 3;
  if (second) *w = *w * weir_powers_of_ten[second] + eight_digits(d << (64 - 8 * second));
  return 8 + second;
}

/// Whether w / 10^scale, whose last digit is not 0, is what `%.16g` writes for its double v. It is
/// whenever v's half unit is less than half a unit of the sixteenth digit, that is
/// 2^floor(log2 v) < 2^53 / (2 × 10^15) × 10^floor(log10 v). -1: too close to say.
static int quick_canonical(double v, uint64_t w, unsigned scale) {
  static const double limit[19] = {4.5e-4, 4.5e-3, 4.5e-2, 4.5e-1, 4.5e0,  4.5e1,  4.5e2,
                                   4.5e3,  4.5e4,  4.5e5,  4.5e6,  4.5e7,  4.5e8,  4.5e9,
                                   4.5e10, 4.5e11, 4.5e12, 4.5e13, 4.5e14};
  int digits = 1;
  while (w >= weir_powers_of_ten[digits]) digits++;
  int decade = digits - 1 - (int)scale;
  if (decade < -4) return 0;
  uint64_t bits;
  memcpy(&bits, &v, 8);
  bits &= (uint64_t)0x7ff << 52;
  memcpy(&v, &bits, 8);
  return v < limit[decade + 4] ? 1 : -1;
}

/// `[-]digits.digits` with at most fifteen digits in all, the float of log lines; null otherwise.
static const uint8_t *scan_quick(const uint8_t *s, const uint8_t *end, weir_number *out) {
  const uint8_t *start = s;
  int negative = *s == '-';
  s += negative;
  uint64_t w = 0;
  unsigned whole = take_quick(s, &w);
  if (whole == 0 || whole > 14 || (*s == '0' && whole > 1) || s[whole] != '.') return NULL;
  s += whole + 1;
  unsigned scale = take_quick(s, &w);
  if (scale == 0 || whole + scale > 15) return NULL;
  s += scale;
  if (s >= end || (*s | 0x20) == 'e') return NULL;
  double v = (double)w / (double)weir_powers_of_ten[scale];
  int canonical = s[-1] == '0' ? scale == 1 && !(negative && w == 0)
                               : quick_canonical(v, w, scale);
  if (negative) v = -v;
  if (canonical < 0) {
    uint8_t text[32];
    size_t n = weir_put_double_json(text, v, WEIR_NAN_RAW);
    canonical = n == (size_t)(s - start) && weir_memeq(text, start, n);
  }
  out->type = WEIR_JSON_DOUBLE;
  out->canonical = (uint8_t)canonical;
  out->num.f64 = v;
  return s;
}

const uint8_t *weir_number_scan_slow(const uint8_t *s, const uint8_t *end, weir_number *out,
                                     uint32_t *error) {
  const uint8_t *after = scan_quick(s, end, out);
  if (after) return after;
  token t;
  after = scan_token(s, end, &t, error);
  if (!after) return NULL;
  int negative = *s == '-';
  if (t.integral && take_integer(&t, negative, out)) return after;
  double v;
  if (t.cut || !weir_decimal_to_double(t.w, t.e10, &v)) v = slow_double(&t);
  // The largest doubles are written as 1.797693134862316e+308, which rounds beyond them when it is
  // read: take our own text back, so that what was rendered once can be scanned again.
  if (isinf(v) && t.w == 1797693134862316u && t.e10 == 293 && !t.cut) v = DBL_MAX;
  if (negative) v = -v;
  out->type = WEIR_JSON_DOUBLE;
  out->num.f64 = v;
  // Beyond every double it stays a value, which nobody can write as a number again.
  out->canonical = 0;
  if (isinf(v)) return after;
  uint8_t text[32];
  size_t n = weir_put_double_json(text, v, WEIR_NAN_RAW);
  out->canonical = n == (size_t)(after - s) && weir_memeq(text, s, n);
  return after;
}
