#define _GNU_SOURCE
#include "weir_system.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

long weir_probe(int pipe_end, const void *address, unsigned long count) {
  /* The system call itself: sanitizers look at what they know of memory, the kernel at memory. */
  return syscall(SYS_write, pipe_end, address, count);
}

int weir_is_code(const void *address) {
  Dl_info info;
  return dladdr(address, &info) != 0;
}

int weir_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

int weir_signal_descriptor(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (error) return errno = error, -1;
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int weir_next_signal(int descriptor) {
  struct signalfd_siginfo info;
  ssize_t count;
  do count = read(descriptor, &info, sizeof info);
  while (count < 0 && errno == EINTR);
  return count == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}
