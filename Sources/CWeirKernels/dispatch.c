// Chooses each kernel's widest variant, once, when the image is loaded.
//
// The pointers begin with the baseline and are written only by the constructor, before any thread
// of this image runs, so that calls need neither a lock nor an atomic.
#include "json.h"

#if defined(__x86_64__)
#define BASELINE(name) name##_sse2
#else
#define BASELINE(name) name##_portable
#endif

typedef size_t (*escape_kernel)(uint8_t *, const uint8_t *, size_t, int);
typedef size_t (*lines_kernel)(const uint8_t *, size_t, uint32_t, uint32_t *, size_t, size_t *);
typedef int (*scan_kernel)(const uint8_t *, size_t, uint32_t, weir_json_member *, uint32_t,
                           weir_json_result *);
typedef const uint8_t *(*value_kernel)(const uint8_t *, const uint8_t *, weir_json_member *,
                                       json_state *);
typedef const uint8_t *(*string_kernel)(const uint8_t *, const uint8_t *, uint32_t *,
                                        json_state *);

static escape_kernel escape = BASELINE(weir_json_escape);
static escape_kernel reescape = BASELINE(weir_json_reescape);
static lines_kernel newlines = BASELINE(weir_newlines);
static scan_kernel scan = BASELINE(weir_json_scan);
static value_kernel scan_value = BASELINE(weir_json_scan_value);
static string_kernel scan_string = BASELINE(weir_json_scan_string);

#if defined(__x86_64__)
int weir_has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}

__attribute__((constructor)) static void choose(void) {
  if (!weir_has_avx2()) return;
  escape = weir_json_escape_avx2;
  reescape = weir_json_reescape_avx2;
  newlines = weir_newlines_avx2;
  scan = weir_json_scan_avx2;
  scan_value = weir_json_scan_value_avx2;
  scan_string = weir_json_scan_string_avx2;
}
#else
int weir_has_avx2(void) { return 0; }
#endif

size_t weir_json_escape(uint8_t *dst, const uint8_t *src, size_t n, int mode) {
  return escape(dst, src, n, mode);
}

size_t weir_json_reescape(uint8_t *dst, const uint8_t *src, size_t n, int mode) {
  return reescape(dst, src, n, mode);
}

size_t weir_newlines(const uint8_t *p, size_t n, uint32_t base, uint32_t *out, size_t cap,
                     size_t *consumed) {
  return newlines(p, n, base, out, cap, consumed);
}

int weir_json_object_prefix(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                            uint32_t cap, weir_json_result *r) {
  return scan(p, n, base, out, cap, r);
}

const uint8_t *weir_json_scan_value(const uint8_t *s, const uint8_t *end, weir_json_member *out,
                                    json_state *state) {
  return scan_value(s, end, out, state);
}

const uint8_t *weir_json_scan_string(const uint8_t *s, const uint8_t *end, uint32_t *flags,
                                     json_state *state) {
  return scan_string(s, end, flags, state);
}
