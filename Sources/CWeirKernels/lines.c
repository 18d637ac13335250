// The end of the last whole line of a block. (Listing all line ends: lines_body.h.)
#define _GNU_SOURCE
#include "internal.h"

ptrdiff_t weir_last_newline(const uint8_t *p, size_t n) {
  const uint8_t *found = n ? memrchr(p, '\n', n) : NULL;
  return found ? found - p : -1;
}
