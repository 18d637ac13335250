#define _GNU_SOURCE
#include "weir_system.h"

int weir_is_code(const void *address) {
  Dl_info info;
  return dladdr(address, &info) != 0;
}
