#pragma once
// The variants behind the chosen kernels, for differential tests and measurements only.
#include "weir_kernels.h"

/// Returns 1 when this processor runs the AVX2 variants; calling one without is undefined.
int weir_has_avx2(void);

size_t weir_json_escape_portable(uint8_t *dst, const uint8_t *src, size_t n, int mode);
size_t weir_json_reescape_portable(uint8_t *dst, const uint8_t *src, size_t n, int mode);
int weir_json_scan_portable(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                            uint32_t cap, weir_json_result *r);
size_t weir_newlines_portable(const uint8_t *p, size_t n, uint32_t base, uint32_t *out, size_t cap,
                              size_t *consumed);

#if defined(__x86_64__)
size_t weir_json_escape_sse2(uint8_t *dst, const uint8_t *src, size_t n, int mode);
size_t weir_json_reescape_sse2(uint8_t *dst, const uint8_t *src, size_t n, int mode);
int weir_json_scan_sse2(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                        uint32_t cap, weir_json_result *r);
size_t weir_newlines_sse2(const uint8_t *p, size_t n, uint32_t base, uint32_t *out, size_t cap,
                          size_t *consumed);
size_t weir_json_escape_avx2(uint8_t *dst, const uint8_t *src, size_t n, int mode);
size_t weir_json_reescape_avx2(uint8_t *dst, const uint8_t *src, size_t n, int mode);
int weir_json_scan_avx2(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                        uint32_t cap, weir_json_result *r);
size_t weir_newlines_avx2(const uint8_t *p, size_t n, uint32_t base, uint32_t *out, size_t cap,
                          size_t *consumed);
#endif

/// The reference of weir_json_object_prefix: one byte at a time, numbers by strtod and printf.
int weir_json_scan_scalar(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                          uint32_t cap, weir_json_result *r);
