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

/// Writes bytes that may not be there into a pipe; returns how many, or -1 where none can be read.
long weir_probe(int pipe_end, const void *address, unsigned long count);

/// Whether an address lies in a file that the dynamic linker has loaded.
int weir_is_code(const void *address);

/// Blocks signals in the calling thread, and in those that it starts, and opens a descriptor that
/// they are read from instead: none is lost, however early it comes. -1 on failure, with errno.
int weir_signal_descriptor(const int *signals, int count);

/// The next signal that waits at such a descriptor; 0 when none does.
int weir_next_signal(int descriptor);

/// open(2), and openat(2) without its variadic mode.
static inline int weir_open(const char *path, int flags, unsigned mode) {
  return open(path, flags, (mode_t)mode);
}
int weir_openat(int folder, const char *path, int flags, unsigned mode);
static inline int weir_fcntl(int fd, int cmd, long arg) { return fcntl(fd, cmd, arg); }

/// getopt_long(3) without its globals and its messages. Start with *index = 0; afterwards *index
/// is the next word, *argument the value of the option, *refused the letter that was not accepted.
static inline int weir_getopt(int argc, char *const *argv, const char *shorts,
                              const struct option *longs, int *index, const char **argument,
                              int *refused) {
  optind = *index;
  opterr = 0;
  int letter = getopt_long(argc, argv, shorts, longs, NULL);
  *index = optind;
  *argument = optarg;
  *refused = optopt;
  return letter;
}

/// Processors that this process may run on, by its affinity mask; at least 1.
int weir_processor_count(void);
