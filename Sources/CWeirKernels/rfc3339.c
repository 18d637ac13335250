// RFC 3339 times to exact nanoseconds.
#include "internal.h"

int64_t weir_days_from_civil(int64_t year, unsigned month, unsigned day) {
  // Years begin in March, so that the leap day is the last; eras of 400 years repeat.
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  unsigned of_era = (unsigned)(year - era * 400);
  unsigned of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
  unsigned days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
  return era * 146097 + (int64_t)days - 719468;
}

/// The value of two digits, or 100 and more.
static unsigned two(const uint8_t *p) {
  unsigned a = p[0] - '0', b = p[1] - '0';
  return a > 9 || b > 9 ? 1000 : a * 10 + b;
}

static unsigned days_in(unsigned year, unsigned month) {
  static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

/// Seconds of `YYYY-MM-DDTHH:MM`, the first 16 bytes of p; 0 if they are no such text.
static int parse_minute(const uint8_t *p, int64_t *seconds) {
  unsigned century = two(p), year = two(p + 2), month = two(p + 5), day = two(p + 8);
  unsigned hour = two(p + 11), minute = two(p + 14);
  if (p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':') return 0;
  if (century > 99 || year > 99 || month - 1 > 11 || hour > 23 || minute > 59) return 0;
  year += century * 100;
  if (day < 1 || day > days_in(year, month)) return 0;
  *seconds = weir_days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60;
  return 1;
}

/// `Z`, `±hh:mm` or `±hhmm` that fills p[0..<n]; seconds east of UTC.
static int parse_zone(const uint8_t *p, size_t n, int64_t *offset) {
  *offset = 0;
  if (n == 1) return p[0] == 'Z';
  if ((n != 5 && n != 6) || (p[0] != '+' && p[0] != '-')) return 0;
  if (n == 6 && p[3] != ':') return 0;
  unsigned hours = two(p + 1), minutes = two(p + n - 2);
  if (hours > 23 || minutes > 59) return 0;
  int64_t seconds = hours * 3600 + minutes * 60;
  *offset = p[0] == '-' ? -seconds : seconds;
  return 1;
}

/// The fraction after the dot as nanoseconds; *at moves past its digits. At least one digit.
static int parse_fraction(const uint8_t *p, size_t n, size_t *at, uint32_t *nanos) {
  static const uint32_t scale[10] = {0,    100000000, 10000000, 1000000, 100000,
                                     10000, 1000,      100,      10,      1};
  size_t i = *at;
  if (n - i >= 10) {
    uint64_t d = load64(p + i) ^ 0x3030303030303030u;
    unsigned ninth = p[i + 8] - '0';
    if (non_digits(d) == 0 && ninth <= 9 && (unsigned)(p[i + 9] - '0') > 9) {
      *nanos = eight_digits(d) * 10 + ninth;
      *at = i + 9;
      return 1;
    }
  }
  uint32_t value = 0;
  unsigned digits = 0;
  for (; i < n && (unsigned)(p[i] - '0') <= 9; i++) {
    if (digits == 9) continue;
    value = value * 10 + (p[i] - '0');
    digits++;
  }
  if (digits == 0) return 0;
  *nanos = value * scale[digits];
  *at = i;
  return 1;
}

int weir_time_rfc3339(const uint8_t *p, size_t n, weir_minute_cache *cache, int64_t *ns) {
  int64_t seconds, offset;
  uint32_t nanos = 0;
  *ns = 0;
  if (n < 20) return 0;
  if (cache && cache->filled &&
      ((load64(p) ^ load64(cache->text)) | (load64(p + 8) ^ load64(cache->text + 8))) == 0) {
    seconds = cache->seconds;
  } else {
    if (!parse_minute(p, &seconds)) return 0;
    if (cache) {
      memcpy(cache->text, p, 16);
      cache->seconds = seconds;
      cache->filled = 1;
    }
  }
  unsigned second = two(p + 17);
  if (p[16] != ':' || second > 60) return 0;
  size_t at = 19;
  if (p[at] == '.') {
    at++;
    if (!parse_fraction(p, n, &at, &nanos)) return 0;
  }
  if (at >= n || !parse_zone(p + at, n - at, &offset)) return 0;
  seconds += (int64_t)second - offset;
  // Range of int64 nanoseconds: 1677-09-21 to 2262-04-11.
  int64_t result;
  if (seconds < 0) {
    // Towards zero first, so that the lowest representable instants do not overflow on the way.
    if (__builtin_mul_overflow(seconds + 1, (int64_t)1000000000, &result)) return 0;
    if (__builtin_add_overflow(result, (int64_t)nanos - 1000000000, &result)) return 0;
  } else {
    if (__builtin_mul_overflow(seconds, (int64_t)1000000000, &result)) return 0;
    if (__builtin_add_overflow(result, (int64_t)nanos, &result)) return 0;
  }
  *ns = result;
  return 1;
}
