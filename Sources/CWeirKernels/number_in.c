// JSON number tokens to integers and doubles.
//
// Idea: a log line's numbers are short. Up to 19 digits fit 64 bits; with a power of ten up to 27
// either way the exact quotient or product fits 128 bits and is rounded once, so the result is the
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

const uint8_t *weir_number_scan_slow(const uint8_t *s, const uint8_t *end, weir_number *out,
                                     uint32_t *error) {
  token t;
  const uint8_t *after = scan_token(s, end, &t, error);
  if (!after) return NULL;
  int negative = *s == '-';
  if (t.integral && take_integer(&t, negative, out)) return after;
  double v;
  if (t.cut || !weir_decimal_to_double(t.w, t.e10, &v)) v = slow_double(&t);
  // The largest doubles are written as 1.797693134862316e+308, which rounds beyond them when it is
  // read: take our own text back, so that what was rendered once can be scanned again.
  if (isinf(v) && t.w == 1797693134862316u && t.e10 == 293 && !t.cut) v = DBL_MAX;
  if (isinf(v)) {
    *error = WEIR_JSON_ERROR_NUMBER;
    return NULL;
  }
  if (negative) v = -v;
  out->type = WEIR_JSON_DOUBLE;
  out->num.f64 = v;
  uint8_t text[32];
  size_t n = weir_put_double_json(text, v, WEIR_NAN_RAW);
  out->canonical = n == (size_t)(after - s) && weir_memeq(text, s, n);
  return after;
}
