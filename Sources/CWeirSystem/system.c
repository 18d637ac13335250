#define _GNU_SOURCE
#include "weir_system.h"
#include <sys/syscall.h>

#include <sched.h>

int weir_probe(int pipe_end, const void *address) {
  /* The system call itself: sanitizers look at what they know of memory, the kernel at memory. */
  return syscall(SYS_write, pipe_end, address, 1) == 1;
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
