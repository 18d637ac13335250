#pragma once
// JSON number tokens in.
#include "internal.h"

typedef struct {
  uint8_t type;       // WEIR_JSON_I64, _U64 or _DOUBLE
  uint8_t canonical;  // The token is what the writer would emit.
  union {
    int64_t i64;
    uint64_t u64;
    double f64;
  } num;
} weir_number;

/// The general path: any number token at s, cut at `end`. Returns the byte after it, or null with
/// *error set.
const uint8_t *weir_number_scan_slow(const uint8_t *s, const uint8_t *end, weir_number *out,
                                     uint32_t *error);

extern const uint64_t weir_powers_of_ten[20];

/// Integers of up to 15 digits that end inside the input, else the general path.
WEIR_INLINE const uint8_t *number_scan(const uint8_t *s, const uint8_t *end, weir_number *out,
                                       uint32_t *error) {
  uint64_t negative = *s == '-';
  const uint8_t *t = s + negative;
  uint64_t d = load64(t) ^ 0x3030303030303030u;
  uint64_t stop = non_digits(d);
  uint64_t value;
  if (WEIR_LIKELY(stop != 0)) {
    unsigned digits = (unsigned)__builtin_ctzll(stop) >> 3;
    if (digits == 0) return weir_number_scan_slow(s, end, out, error);
    value = eight_digits(d << (64 - 8 * digits));
    if (*t == '0' && (digits > 1 || negative)) return weir_number_scan_slow(s, end, out, error);
    t += digits;
  } else {
    if (*t == '0') return weir_number_scan_slow(s, end, out, error);
    value = eight_digits(d);
    d = load64(t + 8) ^ 0x3030303030303030u;
    stop = non_digits(d);
    if (stop == 0) return weir_number_scan_slow(s, end, out, error);
    unsigned digits = (unsigned)__builtin_ctzll(stop) >> 3;
    if (digits) value = value * weir_powers_of_ten[digits] + eight_digits(d << (64 - 8 * digits));
    t += 8 + digits;
  }
  if (t >= end || *t == '.' || (*t | 0x20) == 'e') {
    return weir_number_scan_slow(s, end, out, error);
  }
  out->type = WEIR_JSON_I64;
  out->canonical = 1;
  out->num.i64 = negative ? -(int64_t)value : (int64_t)value;
  return t;
}

/// The double nearest to w × 10^e10, exact ties to even; digits beyond w are not considered.
/// Returns 0 when the quick exact ways do not apply.
int weir_decimal_to_double(uint64_t w, int64_t e10, double *out);
