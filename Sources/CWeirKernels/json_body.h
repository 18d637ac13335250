// One pass over one JSON object: top-level members are listed, nested values are checked and kept
// as text.
//
// Idea: log lines are short and their strings shorter, so there is no separate structural pass. A
// string is one vector compare: the lowest mark is nearly always its closing quote. Integers of up
// to fifteen digits are taken from two words without a loop. Nested values run through a loop with
// a bit stack; they learn whether they are canonical on the way, with the hashes of the open
// objects' keys as the check for duplicates (a false hit only costs a rendering).
//
// Measured (one core, AMD EPYC, MB/s; portable / SSE2 / AVX2): application JSON of 300 bytes with a
// nested object 1450 / 1880 / 1860, the same with blanks and floats 1000 / 1190 / 1190, lines of 35
// bytes 790 / 840 / 840. Tried and lost: a loop over blanks wherever they may stand (1420 and 870;
// most places have none or one), floats found canonical by rendering them (35 ns more for each).
//
// The bytes after `end` are readable but mean nothing: each token's start is checked against `end`
// and each string's closing quote must lie before it.

/// Past the string that starts at s, onto its closing quote.
WEIR_INLINE const uint8_t *VARIANT(string)(const uint8_t *s, const uint8_t *end, uint32_t *flags,
                                           json_state *state) {
  mask wide = 0;
  const uint8_t *start = s;
  while (s < end) {
    vec v = vec_load(s);
    mask m = vec_special(v, 0), high = vec_high(v);
    if (WEIR_UNLIKELY(m == 0)) {
      wide |= high;
      s += VEC_BYTES;
      continue;
    }
    wide |= high & (m ^ (m - 1));
    s += MASK_INDEX(m);
    if (WEIR_LIKELY(*s == '"')) {
      if (WEIR_UNLIKELY(s >= end)) break;
      *flags &= wide ? ~(uint32_t)WEIR_JSON_ASCII : ~0u;
      return s;
    }
    if (s >= end) break;
    if (*s == '\\') {
      s = weir_json_skip_escape(s, end, flags, state);
      if (!s) return NULL;
    } else {
      *flags &= ~(uint32_t)(WEIR_JSON_PLAIN | WEIR_JSON_CANONICAL);
      s++;
    }
  }
  return json_fail(state, start - 1, WEIR_JSON_ERROR_CUT);
}

/// true, false or null at s; null with an error. Sets type and value.
WEIR_INLINE const uint8_t *VARIANT(word)(const uint8_t *s, const uint8_t *end,
                                         weir_json_member *out, json_state *state) {
  uint32_t w = load32(s);
  unsigned size = 4;
  out->num.u64 = 0;
  if (w == 0x65757274) {  // true
    out->type = WEIR_JSON_BOOL;
    out->num.u64 = 1;
  } else if (w == 0x6c6c756e) {  // null
    out->type = WEIR_JSON_NULL;
  } else if (w == 0x736c6166 && s[4] == 'e') {  // false
    out->type = WEIR_JSON_BOOL;
    size = 5;
  } else {
    return json_fail(state, s, weir_json_word_error(s, end));
  }
  if ((size_t)(end - s) < size) return json_fail(state, s, WEIR_JSON_ERROR_CUT);
  return s + size;
}

#define KEY_HASHES_MAX 256

/// The open containers of a nested value. Level 1 is the value itself.
typedef struct {
  uint64_t objects;  // Bit l - 1: level l is an object.
  uint32_t level;
  uint32_t keys;                               // Of all open objects.
  uint16_t first_key[WEIR_JSON_DEPTH_MAX + 1];  // Per level: keys when it was opened.
  uint32_t hashes[KEY_HASHES_MAX];
} VARIANT(nest);

WEIR_INLINE int VARIANT(open)(VARIANT(nest) *n, int object, json_state *state) {
  // The member that holds this value is level 1 of the depth that is reported.
  if (n->level + 1 >= WEIR_JSON_DEPTH_MAX) return 0;
  uint64_t bit = (uint64_t)1 << n->level;
  n->objects = object ? n->objects | bit : n->objects & ~bit;
  n->level++;
  n->first_key[n->level] = (uint16_t)n->keys;
  if (n->level + 1 > state->depth) state->depth = n->level + 1;
  return 1;
}

/// Notes a key; clears CANONICAL when its object may have it already. Returns 0 beyond the limit.
WEIR_INLINE int VARIANT(note_key)(VARIANT(nest) *n, const uint8_t *key, size_t size,
                                  uint32_t *flags) {
  if (n->keys >= WEIR_JSON_KEYS_MAX) return 0;
  if (n->keys >= KEY_HASHES_MAX) {
    *flags &= ~(uint32_t)WEIR_JSON_CANONICAL;
  } else {
    uint32_t hash = weir_hash_key(key, size), same = 0;
    for (uint32_t i = n->first_key[n->level]; i < n->keys; i++) same |= n->hashes[i] == hash;
    if (same) *flags &= ~(uint32_t)WEIR_JSON_CANONICAL;
    n->hashes[n->keys] = hash;
  }
  n->keys++;
  return 1;
}

// Blanks make a nested value non-canonical; then the token must start before the end.
#define NEST_SKIP                                                             \
  do {                                                                        \
    if (json_blank(*s)) {                                                     \
      if (json_blank(*++s)) s = json_skip(s, end);                            \
      flags &= ~(uint32_t)WEIR_JSON_CANONICAL;                                \
    }                                                                         \
    if (WEIR_UNLIKELY(s >= end)) return json_fail(state, end, WEIR_JSON_ERROR_CUT); \
  } while (0)

/// Past the string, number or word at s, inside an object or array.
WEIR_INLINE const uint8_t *VARIANT(leaf)(const uint8_t *s, const uint8_t *end, uint32_t *flags,
                                         json_state *state) {
  if (*s == '"') {
    s = VARIANT(string)(s + 1, end, flags, state);
    return s ? s + 1 : NULL;
  }
  if (*s == '-' || (unsigned)(*s - '0') <= 9) {
    weir_number number;
    uint32_t error = 0;
    const uint8_t *after = number_scan(s, end, &number, &error);
    if (!after) return json_fail(state, s, error);
    if (!number.canonical) *flags &= ~(uint32_t)WEIR_JSON_CANONICAL;
    return after;
  }
  weir_json_member unused;
  return VARIANT(word)(s, end, &unused, state);
}

/// Past the key at s and its colon, onto the value.
WEIR_INLINE const uint8_t *VARIANT(key)(VARIANT(nest) *n, const uint8_t *s, const uint8_t *end,
                                        uint32_t *all_flags, json_state *state) {
  if (*s != '"') return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
  uint32_t flags = *all_flags;
  const uint8_t *name = s + 1;
  s = VARIANT(string)(name, end, &flags, state);
  if (!s) return NULL;
  if (!VARIANT(note_key)(n, name, (size_t)(s - name), &flags)) {
    return json_fail(state, name, WEIR_JSON_ERROR_MEMBERS);
  }
  s++;
  NEST_SKIP;
  if (*s != ':') return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
  s++;
  NEST_SKIP;
  *all_flags = flags;
  return s;
}

/// Past the object or array at s.
static const uint8_t *VARIANT(container)(const uint8_t *s, const uint8_t *end,
                                         weir_json_member *out, json_state *state) {
  VARIANT(nest) n;
  n.objects = 0;
  n.level = n.keys = 0;
  uint32_t flags = JSON_FLAGS_ALL;
value:
  if (*s == '{' || *s == '[') {
    int object = *s == '{';
    if (!VARIANT(open)(&n, object, state)) return json_fail(state, s, WEIR_JSON_ERROR_DEPTH);
    s++;
    NEST_SKIP;
    if (*s == (object ? '}' : ']')) goto close;
    if (!object) goto value;
    if (!(s = VARIANT(key)(&n, s, end, &flags, state))) return NULL;
    goto value;
  }
  if (!(s = VARIANT(leaf)(s, end, &flags, state))) return NULL;
after:
  NEST_SKIP;
  if (*s == ',') {
    s++;
    NEST_SKIP;
    if (n.objects >> (n.level - 1) & 1) {
      if (!(s = VARIANT(key)(&n, s, end, &flags, state))) return NULL;
    }
    goto value;
  }
  if (*s != (n.objects >> (n.level - 1) & 1 ? '}' : ']')) {
    return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
  }
close:
  s++;
  n.keys = n.first_key[n.level];
  if (--n.level) goto after;
  out->flags = (uint8_t)(flags & JSON_VALUE_FLAGS);
  return s;
}

/// Past the value at s; sets type, flags and num of *out, not its offsets.
WEIR_INLINE const uint8_t *VARIANT(value)(const uint8_t *s, const uint8_t *end,
                                          weir_json_member *out, json_state *state) {
  uint8_t c = *s;
  if (c == '"') {
    uint32_t flags = JSON_FLAGS_ALL;
    s = VARIANT(string)(s + 1, end, &flags, state);
    out->type = WEIR_JSON_STRING;
    out->flags = (uint8_t)flags;
    out->num.u64 = 0;
    return s ? s + 1 : NULL;
  }
  if ((unsigned)(c - '0') <= 9 || c == '-') {
    weir_number number;
    uint32_t error = 0;
    const uint8_t *after = number_scan(s, end, &number, &error);
    if (!after) return json_fail(state, s, error);
    out->type = number.type;
    out->flags = (uint8_t)(number.canonical ? JSON_VALUE_FLAGS : WEIR_JSON_ASCII);
    out->num.u64 = number.num.u64;
    return after;
  }
  if (c == '{' || c == '[') {
    out->type = c == '{' ? WEIR_JSON_OBJECT : WEIR_JSON_ARRAY;
    out->num.u64 = 0;
    return VARIANT(container)(s, end, out, state);
  }
  out->flags = JSON_VALUE_FLAGS;
  return VARIANT(word)(s, end, out, state);
}

const uint8_t *VARIANT(weir_json_scan_value)(const uint8_t *s, const uint8_t *end,
                                             weir_json_member *out, json_state *state) {
  return VARIANT(value)(s, end, out, state);
}

const uint8_t *VARIANT(weir_json_scan_string)(const uint8_t *s, const uint8_t *end,
                                              uint32_t *flags, json_state *state) {
  return VARIANT(string)(s, end, flags, state);
}

#define TOP_SKIP                                                                    \
  do {                                                                              \
    if (json_blank(*s) && json_blank(*++s)) s = json_skip(s, end);                  \
    if (WEIR_UNLIKELY(s >= end)) return json_fail(state, end, WEIR_JSON_ERROR_CUT); \
  } while (0)

/// The members of the object whose brace is before s; returns the byte after its end.
WEIR_INLINE const uint8_t *VARIANT(members)(const uint8_t *p, const uint8_t *s,
                                            const uint8_t *end, uint32_t base,
                                            weir_json_member *out, uint32_t cap, uint32_t *count,
                                            json_state *state) {
  state->depth = 1;
  TOP_SKIP;
  if (*s == '}') return s + 1;
  for (uint32_t i = 0;; i++) {
    if (WEIR_UNLIKELY(*s != '"')) return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
    if (WEIR_UNLIKELY(i == cap)) return json_fail(state, s, WEIR_JSON_ERROR_MEMBERS);
    weir_json_member *member = out + i;
    const uint8_t *name = s + 1;
    uint32_t flags = JSON_FLAGS_ALL;
    s = VARIANT(string)(name, end, &flags, state);
    if (WEIR_UNLIKELY(!s)) return NULL;
    member->key_off = base + (uint32_t)(name - p);
    member->key_len = (uint32_t)(s - name);
    member->key_flags = (uint8_t)flags;
    member->reserved = 0;
    s++;
    TOP_SKIP;
    if (WEIR_UNLIKELY(*s != ':')) return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
    s++;
    TOP_SKIP;
    const uint8_t *token = s;
    s = VARIANT(value)(s, end, member, state);
    if (WEIR_UNLIKELY(!s)) return NULL;
    uint32_t quote = member->type == WEIR_JSON_STRING;
    member->val_off = base + (uint32_t)(token - p) + quote;
    member->val_len = (uint32_t)(s - token) - 2 * quote;
    *count = i + 1;
    TOP_SKIP;
    if (*s != ',') break;
    s++;
    TOP_SKIP;
  }
  if (*s != '}') return json_fail(state, s, WEIR_JSON_ERROR_SYNTAX);
  return s + 1;
}

int VARIANT(weir_json_scan)(const uint8_t *p, size_t n, uint32_t base, weir_json_member *out,
                            uint32_t cap, weir_json_result *r) {
  memset(r, 0, sizeof *r);
  if (n > (size_t)UINT32_MAX - base) return (int)(r->error = WEIR_JSON_ERROR_TOO_LONG);
  const uint8_t *end = p + n, *s = json_skip(p, end);
  json_state state = {p, WEIR_JSON_OK, 0};
  if (s >= end || *s != '{') {
    r->error_off = (uint32_t)(s - p);
    return (int)(r->error = s < end ? WEIR_JSON_ERROR_NO_OBJECT : WEIR_JSON_ERROR_CUT);
  }
  uint32_t count = 0;
  const uint8_t *after = VARIANT(members)(p, s + 1, end, base, out, cap, &count, &state);
  r->count = count;
  r->depth = state.depth;
  if (after) {
    r->end = (uint32_t)(after - p);
    return WEIR_JSON_OK;
  }
  r->error = state.error;
  r->error_off = (uint32_t)(state.at - p);
  return (int)r->error;
}
#undef NEST_SKIP
#undef TOP_SKIP
