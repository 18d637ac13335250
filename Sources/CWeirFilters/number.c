#include "weir_filters.h"

#include <stdio.h>

size_t weir_put_double_g17(char *dst, double value) {
  int length = snprintf(dst, 40, "%.17g", value);
  return length > 0 && length < 40 ? (size_t)length : 0;
}
