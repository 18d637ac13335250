// The scalar reference of weir_json_object_prefix: plain recursive descent, a byte at a time, with
// the C library's number conversions. Slow and obvious; tests hold the kernels against it.
#include "internal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  const uint8_t *p;
  size_t n, i;
  uint32_t error;
  size_t error_at;
  uint32_t depth;
  uint32_t keys;
} reader;

enum { ALL = WEIR_JSON_PLAIN | WEIR_JSON_CANONICAL | WEIR_JSON_ASCII };

static int stop(reader *x, size_t at, uint32_t error) {
  x->error = error;
  x->error_at = at;
  return 0;
}

static int at_end(const reader *x) { return x->i >= x->n; }

static int skip(reader *x) {
  int any = 0;
  while (!at_end(x) && strchr(" \t\r\n", x->p[x->i]) && x->p[x->i]) {
    x->i++;
    any = 1;
  }
  return any;
}

static int hex(uint8_t c) {
  const char *digits = "0123456789abcdef";
  if (c >= 'A' && c <= 'F') c = (uint8_t)(c + 32);
  const char *found = c ? strchr(digits, c) : NULL;
  return found ? (int)(found - digits) : -1;
}

/// The escape at x->i, a backslash.
static int read_escape(reader *x, unsigned *flags) {
  size_t left = x->n - x->i;
  *flags &= ~(unsigned)WEIR_JSON_PLAIN;
  if (left < 2) return stop(x, x->i, WEIR_JSON_ERROR_CUT);
  uint8_t c = x->p[x->i + 1];
  if (c != 'u') {
    if (!c || !strchr("\"\\/bfnrt", c)) return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
    if (c == '/') *flags &= ~(unsigned)WEIR_JSON_CANONICAL;
    x->i += 2;
    return 1;
  }
  if (left < 6) return stop(x, x->i, WEIR_JSON_ERROR_CUT);
  int value = 0;
  for (int k = 2; k < 6; k++) {
    int digit = hex(x->p[x->i + (size_t)k]);
    if (digit < 0) return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
    value = value * 16 + digit;
  }
  char wanted[8];
  snprintf(wanted, sizeof wanted, "\\u%04x", (unsigned)value);
  int control = (value < 0x20 && !(value && strchr("\b\t\n\f\r", value))) || value == 0x7f;
  if (!control || memcmp(wanted, x->p + x->i, 6) != 0) *flags &= ~(unsigned)WEIR_JSON_CANONICAL;
  x->i += 6;
  return 1;
}

/// The string at x->i, a quote; *from and *size are its body.
static int read_string(reader *x, unsigned *flags, size_t *from, size_t *size) {
  size_t quote = x->i++;
  *from = x->i;
  while (!at_end(x)) {
    uint8_t c = x->p[x->i];
    if (c == '"') {
      *size = x->i++ - *from;
      return 1;
    }
    if (c == '\\') {
      if (!read_escape(x, flags)) return 0;
      continue;
    }
    if (c < 0x20 || c == 0x7f) *flags &= ~(unsigned)(WEIR_JSON_PLAIN | WEIR_JSON_CANONICAL);
    if (c >= 0x80) *flags &= ~(unsigned)WEIR_JSON_ASCII;
    x->i++;
  }
  return stop(x, quote, WEIR_JSON_ERROR_CUT);
}

static size_t digits(reader *x) {
  size_t from = x->i;
  while (!at_end(x) && x->p[x->i] >= '0' && x->p[x->i] <= '9') x->i++;
  return x->i - from;
}

static int number_error(reader *x, size_t from) {
  return stop(x, from, at_end(x) ? WEIR_JSON_ERROR_CUT : WEIR_JSON_ERROR_SYNTAX);
}

/* What the largest doubles are written as; read exactly it lies beyond them. */
static int is_largest(const char *text) {
  static const char digits[] = "1.797693134862316";
  text += *text == '-';
  size_t n = sizeof digits - 1;
  return strncmp(text, digits, n) == 0 && (text[n] | 0x20) == 'e' &&
         strtol(text + n + 1, NULL, 10) == 308;
}

static int read_number(reader *x, weir_json_member *out) {
  size_t from = x->i;
  int integral = 1;
  if (x->p[x->i] == '-') x->i++;
  size_t whole = x->i, count = digits(x);
  if (count == 0) return number_error(x, from);
  if (count > 1 && x->p[whole] == '0') return stop(x, from, WEIR_JSON_ERROR_SYNTAX);
  if (!at_end(x) && x->p[x->i] == '.') {
    integral = 0;
    x->i++;
    if (digits(x) == 0) return number_error(x, from);
  }
  if (!at_end(x) && (x->p[x->i] == 'e' || x->p[x->i] == 'E')) {
    integral = 0;
    x->i++;
    if (!at_end(x) && (x->p[x->i] == '+' || x->p[x->i] == '-')) x->i++;
    if (digits(x) == 0) return number_error(x, from);
  }
  size_t n = x->i - from;
  char *text = malloc(n + 1), wanted[64];
  if (!text) return stop(x, from, WEIR_JSON_ERROR_FULL);
  memcpy(text, x->p + from, n);
  text[n] = 0;
  errno = 0;
  out->type = WEIR_JSON_DOUBLE;
  if (integral && text[0] == '-') {
    out->num.i64 = strtoll(text, NULL, 10);
    if (!errno) out->type = WEIR_JSON_I64;
    snprintf(wanted, sizeof wanted, "%lld", (long long)out->num.i64);
  } else if (integral) {
    out->num.u64 = strtoull(text, NULL, 10);
    if (!errno) out->type = out->num.u64 > INT64_MAX ? WEIR_JSON_U64 : WEIR_JSON_I64;
    snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)out->num.u64);
  }
  if (out->type == WEIR_JSON_DOUBLE) {
    double v = strtod(text, NULL);
    if (isinf(v) && is_largest(text)) v = v > 0 ? DBL_MAX : -DBL_MAX;
    out->num.f64 = v;
    int fits = fabs(v) < 0x1p63 || v == -0x1p63;
    if (v == 0) strcpy(wanted, "0.0");
    else snprintf(wanted, sizeof wanted, fits && v == trunc(v) ? "%.1f" : "%.16g", v);
  }
  out->flags = WEIR_JSON_ASCII | (strcmp(text, wanted) == 0 ? WEIR_JSON_CANONICAL : 0);
  free(text);
  return 1;
}

static int read_word(reader *x, weir_json_member *out) {
  static const char *const words[3] = {"null", "true", "false"};
  for (int k = 0; k < 3; k++) {
    size_t size = strlen(words[k]), left = x->n - x->i;
    if (memcmp(x->p + x->i, words[k], size < left ? size : left) != 0) continue;
    if (left < size) return stop(x, x->i, WEIR_JSON_ERROR_CUT);
    out->type = k ? WEIR_JSON_BOOL : WEIR_JSON_NULL;
    out->num.u64 = k == 1;
    out->flags = WEIR_JSON_CANONICAL | WEIR_JSON_ASCII;
    x->i += size;
    return 1;
  }
  return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
}

static int read_value(reader *x, unsigned level, weir_json_member *out);

/// Blanks inside a nested value make it non-canonical; the end of the input is an error.
static int step(reader *x, unsigned *flags) {
  if (skip(x)) *flags &= ~(unsigned)WEIR_JSON_CANONICAL;
  return at_end(x) ? stop(x, x->i, WEIR_JSON_ERROR_CUT) : 1;
}

typedef struct {
  size_t from, size;
} span;

static int read_pair(reader *x, span *names, uint32_t *count, unsigned *flags) {
  size_t from = 0, size = 0;
  if (x->p[x->i] != '"') return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
  if (!read_string(x, flags, &from, &size)) return 0;
  if (x->keys == WEIR_JSON_KEYS_MAX) return stop(x, from, WEIR_JSON_ERROR_MEMBERS);
  for (uint32_t k = 0; k < *count; k++) {
    if (names[k].size == size && memcmp(x->p + names[k].from, x->p + from, size) == 0) {
      *flags &= ~(unsigned)WEIR_JSON_CANONICAL;
    }
  }
  names[(*count)++] = (span){from, size};
  x->keys++;
  if (!step(x, flags)) return 0;
  if (x->p[x->i] != ':') return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
  x->i++;
  return step(x, flags);
}

static int read_children(reader *x, unsigned level, int object, span *names, unsigned *flags) {
  uint8_t close = object ? '}' : ']';
  uint32_t count = 0, keys = x->keys;
  if (!step(x, flags)) return 0;
  while (x->p[x->i] != close || count) {
    weir_json_member child = {0};
    if (object && !read_pair(x, names, &count, flags)) return 0;
    if (!object) count = 1;
    if (!read_value(x, level + 1, &child)) return 0;
    *flags &= child.flags | WEIR_JSON_PLAIN;
    if (!step(x, flags)) return 0;
    if (x->p[x->i] == close) break;
    if (x->p[x->i] != ',') return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
    x->i++;
    if (!step(x, flags)) return 0;
  }
  x->keys = keys;
  x->i++;
  return 1;
}

static int read_value(reader *x, unsigned level, weir_json_member *out) {
  uint8_t c = x->p[x->i];
  unsigned flags = ALL;
  size_t from, size;
  out->num.u64 = 0;
  if (c == '"') {
    out->type = WEIR_JSON_STRING;
    int good = read_string(x, &flags, &from, &size);
    out->flags = (uint8_t)flags;
    return good;
  }
  if (c == '-' || (c >= '0' && c <= '9')) return read_number(x, out);
  if (c != '{' && c != '[') return read_word(x, out);
  if (level > WEIR_JSON_DEPTH_MAX) return stop(x, x->i, WEIR_JSON_ERROR_DEPTH);
  if (level > x->depth) x->depth = level;
  out->type = c == '{' ? WEIR_JSON_OBJECT : WEIR_JSON_ARRAY;
  x->i++;
  span *names = malloc((WEIR_JSON_KEYS_MAX + 1) * sizeof *names);
  if (!names) return stop(x, x->i, WEIR_JSON_ERROR_FULL);
  int good = read_children(x, level, c == '{', names, &flags);
  free(names);
  out->flags = flags & (WEIR_JSON_CANONICAL | WEIR_JSON_ASCII);
  return good;
}

static int read_member(reader *x, uint32_t base, weir_json_member *member) {
  size_t from = 0, size = 0;
  unsigned flags = ALL, unused = 0;
  if (!read_string(x, &flags, &from, &size)) return 0;
  member->key_off = base + (uint32_t)from;
  member->key_len = (uint32_t)size;
  member->key_flags = (uint8_t)flags;
  member->reserved = 0;
  if (!step(x, &unused)) return 0;
  if (x->p[x->i] != ':') return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
  x->i++;
  if (!step(x, &unused)) return 0;
  size_t token = x->i;
  if (!read_value(x, 2, member)) return 0;
  unsigned quote = member->type == WEIR_JSON_STRING;
  member->val_off = base + (uint32_t)token + quote;
  member->val_len = (uint32_t)(x->i - token) - 2 * quote;
  return 1;
}

static int read_members(reader *x, uint32_t base, weir_json_member *out, uint32_t cap,
                        uint32_t *count) {
  unsigned unused = 0;
  x->depth = 1;
  x->i++;
  if (!step(x, &unused)) return 0;
  while (x->p[x->i] != '}' || *count) {
    if (x->p[x->i] != '"') return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
    if (*count == cap) return stop(x, x->i, WEIR_JSON_ERROR_MEMBERS);
    if (!read_member(x, base, out + *count)) return 0;
    ++*count;
    if (!step(x, &unused)) return 0;
    if (x->p[x->i] == '}') break;
    if (x->p[x->i] != ',') return stop(x, x->i, WEIR_JSON_ERROR_SYNTAX);
    x->i++;
    if (!step(x, &unused)) return 0;
  }
  x->i++;
  return 1;
}

int weir_json_scan_scalar(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                          uint32_t cap, weir_json_result *r) {
  reader x = {p, n, 0, WEIR_JSON_OK, 0, 0, 0};
  memset(r, 0, sizeof *r);
  if (n > (size_t)UINT32_MAX - base) return (int)(r->error = WEIR_JSON_ERROR_TOO_LONG);
  skip(&x);
  int good = 0;
  if (at_end(&x)) stop(&x, x.i, WEIR_JSON_ERROR_CUT);
  else if (p[x.i] != '{') stop(&x, x.i, WEIR_JSON_ERROR_NO_OBJECT);
  else good = read_members(&x, base, out, cap, &r->count);
  r->depth = x.depth;
  r->error = x.error;
  if (good) r->end = (uint32_t)x.i;
  else r->error_off = (uint32_t)x.error_at;
  return (int)r->error;
}
