#pragma once
// System headers that the Glibc module map leaves out, and variadic calls that Swift cannot make.
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <glob.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/// open(2), and openat(2) without its variadic mode.
static inline int weir_open(const char *path, int flags, unsigned mode) {
  return open(path, flags, (mode_t)mode);
}
static inline int weir_fcntl(int fd, int cmd, long arg) { return fcntl(fd, cmd, arg); }
