// One vector layer, three widths. A file that wants it sets WEIR_ISA to 0 (portable, 8 bytes), 1
// (SSE2, 16) or 2 (AVX2, 32) and includes this once; each kernel body is compiled per variant.
//
// A mask has one set bit per marked byte; MASK_INDEX turns its lowest bit into a byte index, and
// `m & (m - 1)` goes on to the next. The portable masks are exact per byte: no false mark after a
// true one, because kernels walk all bits.
#include "internal.h"

#if WEIR_ISA == 2
#include <immintrin.h>
#define VEC_BYTES 32
typedef __m256i vec;
typedef uint32_t mask;
#define MASK_INDEX(m) ((unsigned)__builtin_ctz(m))
#define MASK_BELOW(n) ((n) >= 32 ? ~0u : (1u << (n)) - 1)
WEIR_INLINE vec vec_load(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
WEIR_INLINE void vec_store(uint8_t *p, vec v) { _mm256_storeu_si256((__m256i *)p, v); }
WEIR_INLINE mask vec_equal(vec v, uint8_t c) {
  return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_set1_epi8((char)c)));
}
WEIR_INLINE mask vec_high(vec v) { return (uint32_t)_mm256_movemask_epi8(v); }
/// The bytes that end a clean run: quote, backslash, controls, DEL and, with `high`, non-ASCII.
WEIR_INLINE mask vec_special(vec v, int high) {
  vec low = high ? _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v)
                 : _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
  vec a = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                          _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
  vec b = _mm256_or_si256(low, _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f)));
  return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(a, b));
}

#elif WEIR_ISA == 1
#include <emmintrin.h>
#define VEC_BYTES 16
typedef __m128i vec;
typedef uint32_t mask;
#define MASK_INDEX(m) ((unsigned)__builtin_ctz(m))
#define MASK_BELOW(n) ((1u << (n)) - 1)
WEIR_INLINE vec vec_load(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
WEIR_INLINE void vec_store(uint8_t *p, vec v) { _mm_storeu_si128((__m128i *)p, v); }
WEIR_INLINE mask vec_equal(vec v, uint8_t c) {
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8((char)c)));
}
WEIR_INLINE mask vec_high(vec v) { return (uint32_t)_mm_movemask_epi8(v); }
WEIR_INLINE mask vec_special(vec v, int high) {
  vec low = high ? _mm_cmplt_epi8(v, _mm_set1_epi8(0x20))
                 : _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
  vec a = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                       _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
  vec b = _mm_or_si128(low, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
  return (uint32_t)_mm_movemask_epi8(_mm_or_si128(a, b));
}

#else
#define VEC_BYTES 8
typedef uint64_t vec;
typedef uint64_t mask;
#define MASK_INDEX(m) ((unsigned)__builtin_ctzll(m) >> 3)
#define MASK_BELOW(n) ((n) >= 8 ? ~(uint64_t)0 : ((uint64_t)1 << ((n) * 8)) - 1)
#define SWAR_ONES 0x0101010101010101u
#define SWAR_LOW7 0x7f7f7f7f7f7f7f7fu
WEIR_INLINE vec vec_load(const uint8_t *p) { return load64(p); }
WEIR_INLINE void vec_store(uint8_t *p, vec v) { store64(p, v); }
/// 0x80 in every byte of x that is zero, exact.
WEIR_INLINE mask swar_zero(uint64_t x) {
  return ~(((x & SWAR_LOW7) + SWAR_LOW7) | x | SWAR_LOW7);
}
WEIR_INLINE mask vec_equal(vec v, uint8_t c) { return swar_zero(v ^ (SWAR_ONES * c)); }
WEIR_INLINE mask vec_high(vec v) { return v & ~SWAR_LOW7; }
WEIR_INLINE mask vec_special(vec v, int high) {
  mask m = vec_equal(v, '"') | vec_equal(v, '\\') | vec_equal(v, 0x7f);
  m |= swar_zero(v & (SWAR_ONES * 0xe0));
  return high ? m | vec_high(v) : m;
}
#endif

#define WEIR_JOIN2(a, b) a##b
#define WEIR_JOIN(a, b) WEIR_JOIN2(a, b)
#if WEIR_ISA == 2
#define VARIANT(name) WEIR_JOIN(name, _avx2)
#elif WEIR_ISA == 1
#define VARIANT(name) WEIR_JOIN(name, _sse2)
#else
#define VARIANT(name) WEIR_JOIN(name, _portable)
#endif
