// The kernels over 32-byte AVX2 vectors, chosen at load time (dispatch.c).
#if defined(__x86_64__)
#define WEIR_ISA 2
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#endif
#include "json.h"
#include "tables.h"
#include "vector.h"

#include "escape_body.h"
#include "json_body.h"
#include "lines_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
