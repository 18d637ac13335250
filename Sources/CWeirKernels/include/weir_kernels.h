#pragma once
// The byte kernels of the data plane: lines, CRI, JSON in and out, numbers, times, UTF-8, keys.
//
// Contracts that hold for every function here:
//  - 64 readable bytes follow every input buffer; what they hold never changes a result. The
//    exceptions (weir_memeq, weir_hash_bytes) say so.
//  - Any bytes are legal input: nothing reads or writes outside the stated bounds.
//  - Nothing allocates, blocks or keeps state between calls; all functions are thread-safe.
//  - `dst` buffers need the room that is stated; bytes between the returned length and that room
//    may be overwritten. `dst` and the input never overlap.
//  - Offsets are bytes. Times are int64 nanoseconds since 1970-01-01T00:00:00Z.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Lines -----------------------------------------------------------------------------------

/// Lists the positions of LF in p[0..<n], each plus `base`, at most `cap` of them.
///
/// `*consumed` becomes n when everything was looked at, else the offset after the last LF listed.
/// Returns the count.
size_t weir_newlines(const uint8_t *p, size_t n, uint32_t base, uint32_t *out, size_t cap,
                     size_t *consumed);

/// Returns the offset of the last LF in p[0..<n], or -1.
ptrdiff_t weir_last_newline(const uint8_t *p, size_t n);

// ---- CRI and RFC 3339 ------------------------------------------------------------------------

/// Remembers the minute that was parsed last, so that the next line of the same minute skips the
/// calendar. All zero is an empty cache. One per lane; not shared between threads.
typedef struct {
  uint8_t text[16];
  int64_t seconds;
  uint8_t filled;
} weir_minute_cache;

/// One line of the CRI log format, `TIME stdout|stderr P|F TEXT`; offsets from the line's start.
typedef struct {
  uint32_t time_len;    // The time is at offset 0.
  uint32_t stream_off;  // stream_len is 6: stdout or stderr.
  uint32_t stream_len;
  uint32_t log_off;     // The text runs to the line's end; equal to the length when empty.
  int64_t time_ns;      // Exact; 0 when time_ok is 0.
  uint8_t flag;         // 'P' (a part, more follows) or 'F' (the end).
  uint8_t ok;           // 1: the line has the CRI shape.
  uint8_t time_ok;      // 1: the time is RFC 3339 and fits int64 nanoseconds.
} weir_cri_line;

/// Parses one line (without its LF); returns 1 when it has the CRI shape, else 0.
int weir_cri_parse(const uint8_t *p, size_t n, weir_cri_line *line);

/// The same with a cache of the last minute.
int weir_cri_parse_cached(const uint8_t *p, size_t n, weir_minute_cache *cache,
                          weir_cri_line *line);

/// Parses an RFC 3339 time that fills p[0..<n]: `YYYY-MM-DDTHH:MM:SS[.digits](Z|±hh:mm|±hhmm)`.
///
/// Digits beyond the ninth are cut; second 60 is accepted. `cache` may be null.
/// Returns 1 and sets *ns, or 0.
int weir_time_rfc3339(const uint8_t *p, size_t n, weir_minute_cache *cache, int64_t *ns);

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; month 1-12, day 1-31.
int64_t weir_days_from_civil(int64_t year, unsigned month, unsigned day);

// ---- JSON text out ---------------------------------------------------------------------------

/// How non-ASCII text is written.
enum {
  WEIR_JSON_UTF8 = 0,     // Raw UTF-8; an invalid byte becomes U+FFFD.
  WEIR_JSON_ESCAPED = 1,  // \uxxxx, lowercase, surrogate pairs; an invalid byte b becomes the raw
                          // UTF-8 text of U+E000+b.
};

/// Writes src[0..<n] as the body of a JSON string (no quotes); `dst` has 6n+16 bytes.
size_t weir_json_escape(uint8_t *dst, const uint8_t *src, size_t n, int mode);

/// The same for text that is canonical JSON already (a string body or a whole value marked
/// WEIR_JSON_CANONICAL): only non-ASCII is rewritten. Text marked WEIR_JSON_ASCII needs no call.
size_t weir_json_reescape(uint8_t *dst, const uint8_t *src, size_t n, int mode);

// ---- Numbers and times as text ---------------------------------------------------------------

/// Decimal text; `dst` has 24 bytes. Returns the length.
size_t weir_put_u64(uint8_t *dst, uint64_t v);
size_t weir_put_i64(uint8_t *dst, int64_t v);

/// What weir_put_double_json writes for NaN and the infinities.
enum {
  WEIR_NAN_RAW = 0,   // nan, -nan, inf, -inf
  WEIR_NAN_NULL = 1,  // null
};

/// The JSON writer's float: integral values that fit int64 as `%.1f`, all others as `%.16g`; minus
/// zero is `0.0`. `dst` has 32 bytes. Returns the length.
size_t weir_put_double_json(uint8_t *dst, double v, int nan_policy);

/// `%f`: six decimals; `dst` has 352 bytes. Returns the length.
size_t weir_put_double_f6(uint8_t *dst, double v);

/// Remembers the second that was rendered last; all zero is empty. One per lane.
typedef struct {
  int64_t second;
  uint8_t text[24];
  uint8_t filled;
} weir_second_cache;

/// `%Y-%m-%dT%H:%M:%S[.digits]Z` with 0-9 digits, cut and not rounded; `dst` has 40 bytes.
/// `cache` may be null.
size_t weir_put_time_iso(uint8_t *dst, int64_t ns, int digits, weir_second_cache *cache);

/// `%Y-%m-%d %H:%M:%S[.digits]` (java_sql_timestamp with 6); as above.
size_t weir_put_time_sql(uint8_t *dst, int64_t ns, int digits, weir_second_cache *cache);

/// `SEC.NNNNNNNNN`; `dst` has 32 bytes.
size_t weir_put_epoch9(uint8_t *dst, int64_t ns);

/// Seconds rounded to microseconds, trailing zeros trimmed, at least one decimal kept (the
/// `double` date format: `1770091506.123457`, `7.0`); `dst` has 32 bytes.
size_t weir_put_epoch_double(uint8_t *dst, int64_t ns);

// ---- UTF-8 -----------------------------------------------------------------------------------

/// Returns 1 when every byte is below 0x80.
int weir_is_ascii(const uint8_t *p, size_t n);

/// Returns 1 when p[0..<n] is well-formed UTF-8 (no overlong forms, surrogates, cut sequences).
int weir_utf8_valid(const uint8_t *p, size_t n);

/// Returns the length of the longest prefix of p[0..<n] that does not end inside a sequence.
/// Invalid bytes elsewhere are left alone; at most three bytes are taken off.
size_t weir_utf8_truncate(const uint8_t *p, size_t n);

// ---- JSON in ---------------------------------------------------------------------------------

enum {
  WEIR_JSON_NULL = 0,
  WEIR_JSON_BOOL = 1,    // num.u64 is 0 or 1.
  WEIR_JSON_I64 = 2,     // num.i64
  WEIR_JSON_U64 = 3,     // num.u64; only above INT64_MAX.
  WEIR_JSON_DOUBLE = 4,  // num.f64; integers beyond 64 bits too.
  WEIR_JSON_STRING = 5,
  WEIR_JSON_OBJECT = 6,
  WEIR_JSON_ARRAY = 7,
};

enum {
  // A string with neither escapes nor control bytes: the body is the content.
  WEIR_JSON_PLAIN = 1,
  // The text is exactly what the JSON writer would emit in raw UTF-8 mode, so that it can be
  // spliced. Strings: escapes only in the writer's form. Numbers: the writer's rendering. Objects
  // and arrays: also no blanks and no duplicate key at any level. PLAIN implies it.
  WEIR_JSON_CANONICAL = 2,
  // All bytes below 0x80. Canonical text without this flag goes through weir_json_reescape.
  WEIR_JSON_ASCII = 4,
};

/// One member of an object; offsets include the caller's base. Strings and keys: the text between
/// the quotes. Other values: the whole token, brackets included.
typedef struct {
  uint32_t key_off, key_len;
  uint32_t val_off, val_len;
  uint8_t key_flags;  // WEIR_JSON_PLAIN and so on, of the key.
  uint8_t flags;      // The same of the value.
  uint8_t type;       // WEIR_JSON_NULL ... WEIR_JSON_ARRAY
  uint8_t reserved;
  union {
    int64_t i64;
    uint64_t u64;
    double f64;  // Infinite for a number beyond every double (1e400): its text is all there is.
  } num;
} weir_json_member;

enum {
  WEIR_JSON_OK = 0,
  WEIR_JSON_ERROR_SYNTAX = 1,
  WEIR_JSON_ERROR_CUT = 2,       // The input ended inside the value.
  WEIR_JSON_ERROR_NO_OBJECT = 3, // The first character that is no blank is not `{`.
  WEIR_JSON_ERROR_DEPTH = 4,     // Nested deeper than WEIR_JSON_DEPTH_MAX.
  WEIR_JSON_ERROR_MEMBERS = 5,   // More members than `cap`, or than WEIR_JSON_KEYS_MAX inside.
  WEIR_JSON_ERROR_TRAILING = 7,  // Another complete JSON value follows.
  WEIR_JSON_ERROR_TOO_LONG = 8,  // base + n does not fit 32 bits.
  WEIR_JSON_ERROR_FULL = 9,      // weir_json_normalise: dst is too small.
};

/// Deepest nesting accepted, the outermost value included.
#define WEIR_JSON_DEPTH_MAX 64
/// Most keys of all objects that are open at one point inside one member's value.
#define WEIR_JSON_KEYS_MAX 4096

typedef struct {
  uint32_t error;      // WEIR_JSON_OK or WEIR_JSON_ERROR_...
  uint32_t error_off;  // From p; where the scan stopped. 0 without an error.
  uint32_t end;        // From p; after the object's `}` (also with ERROR_TRAILING), else 0.
  uint32_t count;      // Members listed (with an error: before it).
  uint32_t depth;      // Deepest nesting seen; 1 for a flat object.
} weir_json_result;

/// Lists the top-level members of the one object in p[0..<n], duplicates included.
///
/// Blanks before and after, and any trailing text that does not begin with another complete JSON
/// value, are accepted. Raw control bytes and invalid UTF-8 inside strings are accepted.
/// Returns r->error.
int weir_json_object(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                     uint32_t cap, weir_json_result *r);

/// The same without looking at what follows the object: for streams of objects, by r->end.
int weir_json_object_prefix(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                            uint32_t cap, weir_json_result *r);

/// Scans one value of any type at the start of p[0..<n] (after blanks) into *out (key fields are 0,
/// offsets from p). r->end is the offset after it; what follows is not looked at.
/// Returns r->error.
int weir_json_value(const uint8_t *p, size_t n, weir_json_member *out, weir_json_result *r);

/// Renders the JSON value in p[0..<n] as canonical UTF-8 text: no blanks, of a key that occurs
/// twice the last member (at its own place), numbers by the writer's rule, \uxxxx of non-controls
/// as UTF-8 (a lone surrogate as U+FFFD). Invalid bytes stay. At most 6n+32 bytes are needed.
/// Returns the length, or minus a WEIR_JSON_ERROR code.
ptrdiff_t weir_json_normalise(uint8_t *dst, size_t cap, const uint8_t *src, size_t n);

/// The same for a string's body without quotes; `dst` has 6n+16 bytes. Never fails: what is no
/// escape stays as the text it is.
size_t weir_json_normalise_string(uint8_t *dst, const uint8_t *src, size_t n);

/// The content of a string's body: escapes resolved; `dst` has n+16 bytes. Never fails.
size_t weir_json_unescape(uint8_t *dst, const uint8_t *src, size_t n);

/// Returns 1 when a string's body means exactly the bytes key[0..<key_len].
int weir_json_string_equals(const uint8_t *body, size_t n, const uint8_t *key, size_t key_len);

/// Finds a member of the object in p[0..<n] by its unescaped key; the last duplicate wins. Offsets
/// are from p. Returns 1, 0 when there is none, or minus an error code.
int weir_json_find_member(const uint8_t *p, size_t n, const uint8_t *key, size_t key_len,
                          weir_json_member *out);

/// Finds the element `index` of the array in p[0..<n]; offsets are from p, key fields 0.
/// Returns 1, 0 when the array is shorter, or minus an error code.
int weir_json_element(const uint8_t *p, size_t n, size_t index, weir_json_member *out);

/// Goes through the members of an object or the elements of an array: start with *cursor = 0.
/// Returns 1 and the next one, 0 at the end, or minus an error code.
int weir_json_next(const uint8_t *p, size_t n, size_t *cursor, weir_json_member *out);

// ---- Keys ------------------------------------------------------------------------------------

static inline uint64_t weir_hash_mix(uint64_t a, uint64_t b) {
  uint64_t x = (a ^ 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
  x ^= x >> 32;
  x = (x ^ b) * 0xca5a826395121157u;
  return x ^ (x >> 29);
}

/// A 32-bit hash for short keys. Reads up to 8 bytes after the key (see the padding contract).
static inline uint32_t weir_hash_key(const uint8_t *p, size_t n) {
  uint64_t first, last;
  memcpy(&first, p, 8);
  if (n < 8) {
    first &= ~(~(uint64_t)0 << (n * 8));
    return (uint32_t)(weir_hash_mix(first, n) >> 16);
  }
  uint64_t h = n;
  while (n > 16) {
    memcpy(&first, p, 8);
    h = weir_hash_mix(h, first);
    p += 8;
    n -= 8;
  }
  memcpy(&first, p, 8);
  memcpy(&last, p + n - 8, 8);
  return (uint32_t)(weir_hash_mix(weir_hash_mix(h, first), last) >> 16);
}

/// The same value without reading beyond the key, for keys that have no padding.
static inline uint32_t weir_hash_bytes(const uint8_t *p, size_t n) {
  if (n >= 8) return weir_hash_key(p, n);
  uint8_t padded[8] = {0};
  memcpy(padded, p, n);
  return weir_hash_key(padded, n);
}

/// Returns 1 when a[0..<n] and b[0..<n] are equal; reads nothing beyond them.
static inline int weir_memeq(const uint8_t *a, const uint8_t *b, size_t n) {
  if (n > 16) return memcmp(a, b, n) == 0;
  if (n >= 8) {
    uint64_t x, y, u, v;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    memcpy(&u, a + n - 8, 8);
    memcpy(&v, b + n - 8, 8);
    return ((x ^ y) | (u ^ v)) == 0;
  }
  if (n >= 4) {
    uint32_t x, y, u, v;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    memcpy(&u, a + n - 4, 4);
    memcpy(&v, b + n - 4, 4);
    return ((x ^ y) | (u ^ v)) == 0;
  }
  for (size_t i = 0; i < n; i++) {
    if (a[i] != b[i]) return 0;
  }
  return 1;
}

#ifdef __cplusplus
}
#endif
