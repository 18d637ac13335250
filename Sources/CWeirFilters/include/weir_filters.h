#pragma once
// What filters need from C: a hash, and a number format that the byte kernels do not have.
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// SHA-256 (FIPS 180-4) of p[0..<n] into digest[0..<32]. Thread-safe; p may be null when n is 0.
void weir_sha256(const uint8_t *p, size_t n, uint8_t *digest);

/// `%.17g`; `dst` has 40 bytes. Returns the length.
size_t weir_put_double_g17(char *dst, double value);

#ifdef __cplusplus
}
#endif
