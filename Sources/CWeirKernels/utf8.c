// ASCII and UTF-8 checks. Log text is nearly all ASCII: eight or sixteen bytes at a time until a
// high bit, then one sequence after the other until ASCII comes back.
#include "internal.h"

/// Returns the first offset from `i` on that may hold a non-ASCII byte; n if there is none.
static size_t skip_ascii(const uint8_t *p, size_t i, size_t n) {
  const uint64_t high = 0x8080808080808080u;
  while (n - i >= 32) {
    uint64_t any = load64(p + i) | load64(p + i + 8) | load64(p + i + 16) | load64(p + i + 24);
    if (any & high) break;
    i += 32;
  }
  while (i < n) {
    uint64_t m = load64(p + i) & high;
    if (m) {
      i += (size_t)__builtin_ctzll(m) >> 3;
      return i < n ? i : n;
    }
    i += 8;
  }
  return n;
}

int weir_is_ascii(const uint8_t *p, size_t n) { return skip_ascii(p, 0, n) == n; }

int weir_utf8_valid(const uint8_t *p, size_t n) {
  size_t i = 0;
  for (;;) {
    i = skip_ascii(p, i, n);
    if (i == n) return 1;
    do {
      uint32_t cp;
      unsigned size = utf8_decode(p + i, n - i, &cp);
      if (size == 0) return 0;
      i += size;
    } while (i < n && p[i] >= 0x80);
  }
}

size_t weir_utf8_truncate(const uint8_t *p, size_t n) {
  // Go back over at most three continuation bytes to a lead byte that wants more than it has.
  size_t back = 0;
  while (back < 3 && back < n && (p[n - 1 - back] & 0xc0) == 0x80) back++;
  if (back == n) return n;
  uint8_t lead = p[n - 1 - back];
  unsigned want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
  if (lead > 0xf4 || want <= back + 1) return n;
  return n - 1 - back;
}
