// openat(2) is POSIX, not C11: asked for here and not in a header, which would change every file.
#define _POSIX_C_SOURCE 200809L
#include "weir_system.h"

int weir_openat(int folder, const char *path, int flags, unsigned mode) {
  return openat(folder, path, flags, (mode_t)mode);
}
