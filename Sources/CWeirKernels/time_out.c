// Times as text. The date part changes once a second at most, so it is kept.
#include "internal.h"

/// Splits nanoseconds into whole seconds, rounded down, and the rest.
static int64_t split_seconds(int64_t ns, uint32_t *nanos) {
  int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
  if (rest < 0) {
    rest += 1000000000;
    seconds--;
  }
  *nanos = (uint32_t)rest;
  return seconds;
}

/// `YYYY-MM-DDTHH:MM:SS`, 19 bytes. int64 nanoseconds span the years 1677 to 2262.
static void put_second(uint8_t *dst, int64_t seconds) {
  int64_t days = seconds / 86400, left = seconds % 86400;
  if (left < 0) {
    left += 86400;
    days--;
  }
  // Days since 0000-03-01, in eras of 400 years.
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  unsigned of_era = (unsigned)(z - era * 146097);
  unsigned year_of_era =
      (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted = (5 * of_year + 2) / 153;
  unsigned day = of_year - (153 * shifted + 2) / 5 + 1;
  unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  unsigned year = (unsigned)((int64_t)year_of_era + era * 400 + (month <= 2));
  unsigned second_of_day = (unsigned)left;
  put2(dst, year / 100);
  put2(dst + 2, year % 100);
  dst[4] = '-';
  put2(dst + 5, month);
  dst[7] = '-';
  put2(dst + 8, day);
  dst[10] = 'T';
  put2(dst + 11, second_of_day / 3600);
  dst[13] = ':';
  put2(dst + 14, second_of_day / 60 % 60);
  dst[16] = ':';
  put2(dst + 17, second_of_day % 60);
}

/// Nine digits, of which the caller keeps what it wants.
static void put_nanos(uint8_t *dst, uint32_t nanos) {
  put2(dst, nanos / 10000000);
  put2(dst + 2, nanos / 100000 % 100);
  put2(dst + 4, nanos / 1000 % 100);
  put2(dst + 6, nanos / 10 % 100);
  dst[8] = (uint8_t)('0' + nanos % 10);
}

static size_t put_time(uint8_t *dst, int64_t ns, int digits, weir_second_cache *cache) {
  uint32_t nanos;
  int64_t seconds = split_seconds(ns, &nanos);
  if (!cache) {
    put_second(dst, seconds);
  } else {
    if (!cache->filled || cache->second != seconds) {
      put_second(cache->text, seconds);
      cache->second = seconds;
      cache->filled = 1;
    }
    memcpy(dst, cache->text, 24);
  }
  if (digits <= 0) return 19;
  if (digits > 9) digits = 9;
  dst[19] = '.';
  put_nanos(dst + 20, nanos);
  return 20 + (size_t)digits;
}

size_t weir_put_time_iso(uint8_t *dst, int64_t ns, int digits, weir_second_cache *cache) {
  size_t n = put_time(dst, ns, digits, cache);
  dst[n] = 'Z';
  return n + 1;
}

size_t weir_put_time_sql(uint8_t *dst, int64_t ns, int digits, weir_second_cache *cache) {
  size_t n = put_time(dst, ns, digits, cache);
  dst[10] = ' ';
  return n;
}

size_t weir_put_epoch9(uint8_t *dst, int64_t ns) {
  // Sign and magnitude: -1.5 s is "-1.500000000".
  uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
  size_t n = ns < 0;
  dst[0] = '-';
  n += weir_put_u64(dst + n, size / 1000000000);
  dst[n] = '.';
  put_nanos(dst + n + 1, (uint32_t)(size % 1000000000));
  return n + 10;
}

size_t weir_put_epoch_double(uint8_t *dst, int64_t ns) {
  uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
  uint64_t micros = (size + 500) / 1000;
  size_t n = ns < 0 && micros > 0;
  dst[0] = '-';
  n += weir_put_u64(dst + n, micros / 1000000);
  dst[n] = '.';
  put_nanos(dst + n + 1, (uint32_t)(micros % 1000000) * 1000);
  size_t digits = 6;
  while (digits > 1 && dst[n + digits] == '0') digits--;
  return n + 1 + digits;
}
