/* redact: hides card numbers, and the values of chosen keys, before records leave the node.
 *
 * A filter in plain C99 against weir_plugin.h alone: a start for your own. Work happens in
 * `process`, once per batch, in place, without allocating: what changes is written to the batch's
 * scratch and the field is pointed at it. */
#include <stdlib.h>
#include <string.h>

#include "weir_plugin.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

enum { KEYS_MAX = 64, MASK_MAX = 256, DIGITS_MIN = 13, DIGITS_MAX = 19, DEPTH_MAX = 32 };

typedef struct {
  const weir_host *host;
  weir_context *context;
  uint32_t keys[KEYS_MAX];
  uint32_t key_count;
  uint32_t hides_cards;
  uint32_t metric;
  uint8_t mask[MASK_MAX];
  uint32_t mask_length;
} redact;

/* ---- Life ---- */

static int32_t fail(weir_error *error, int32_t code, const char *path, const char *message) {
  error->code = code;
  error->path_length = (uint32_t)strlen(path);
  error->message_length = (uint32_t)strlen(message);
  memcpy(error->path, path, error->path_length);
  memcpy(error->message, message, error->message_length);
  return code;
}

static const weir_node *option(const redact *self, const weir_node *options, const char *name) {
  return self->host->node_get(options, (const uint8_t *)name, strlen(name));
}

static int32_t read_options(redact *self, const weir_node *options, weir_error *error) {
  weir_string text;
  const weir_node *keys = option(self, options, "keys");
  uint64_t i, count = self->host->node_count(keys);
  if (count > KEYS_MAX) return fail(error, WEIR_E_CONFIG, "keys", "at most 64 keys are hidden");
  for (i = 0; i < count; i++) {
    self->host->node_text(self->host->node_child(keys, i), &text);
    if (text.length == 0) return fail(error, WEIR_E_CONFIG, "keys", "a key is empty");
    int32_t result = self->host->key_intern(self->context, text.data, text.length,
                                            &self->keys[self->key_count]);
    if (result != WEIR_OK) return fail(error, result, "keys", "the host refuses a key");
    self->key_count++;
  }
  self->host->node_text(option(self, options, "mask"), &text);
  if (text.length > MASK_MAX)
    return fail(error, WEIR_E_CONFIG, "mask", "the mask has more than 256 bytes");
  memcpy(self->mask, text.data, text.length);
  self->mask_length = (uint32_t)text.length;
  self->hides_cards = self->host->node_integer(option(self, options, "cards")) != 0;
  return WEIR_OK;
}

static int32_t create(const weir_host *host, weir_context *context, const weir_node *options,
                      void **instance, weir_error *error) {
  static const char metric[] = "redacted_values_total";
  redact *self = calloc(1, sizeof *self);
  int32_t result;
  if (self == NULL) return WEIR_E_MEMORY;
  self->host = host;
  self->context = context;
  result = read_options(self, options, error);
  if (result == WEIR_OK)
    result = host->metric_define(context, WEIR_METRIC_COUNTER, (const uint8_t *)metric,
                                 sizeof metric - 1, &self->metric);
  if (result != WEIR_OK) {
    free(self);
    return result;
  }
  *instance = self;
  return WEIR_OK;
}

static int32_t prepare(void *instance, const weir_limits *limits, weir_error *error) {
  (void)instance, (void)limits, (void)error;
  return WEIR_OK;
}

/* The settings are all that a lane needs, and nobody writes them: lanes share the instance. */
static int32_t lane_open(void *instance, uint32_t lane, void **state, weir_error *error) {
  (void)lane, (void)error;
  *state = instance;
  return WEIR_OK;
}

static void lane_close(void *instance, void *state) { (void)instance, (void)state; }

static void destroy(void *instance) { free(instance); }

/* ---- Card numbers ---- */

static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* Luhn: every second digit from the right counts double. */
static int passes_luhn(const uint8_t *digits, uint32_t count) {
  uint32_t i, sum = 0;
  for (i = 0; i < count; i++) {
    uint32_t d = digits[count - 1 - i];
    if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 == 0;
}

/* The length in bytes of the longest card number that begins at p, blanks and dashes between its
 * digits included; 0 when there is none. It ends where a run of digits ends. */
static uint32_t card_at(const uint8_t *p, uint32_t length, uint32_t *digit_count) {
  uint8_t digits[DIGITS_MAX];
  uint32_t i, best = 0, count = 0;
  for (i = 0; i < length; i++) {
    int ends = i + 1 == length || !is_digit(p[i + 1]);
    if (is_digit(p[i])) {
      if (count == DIGITS_MAX) break;
      digits[count++] = (uint8_t)(p[i] - '0');
      if (ends && count >= DIGITS_MIN && passes_luhn(digits, count)) {
        best = i + 1;
        *digit_count = count;
      }
    } else if ((p[i] != ' ' && p[i] != '-') || ends) {
      break;
    }
  }
  return best;
}

static void copy(uint8_t *to, uint32_t *out, const uint8_t *from, uint32_t count) {
  if (to != NULL) memcpy(to + *out, from, count);
  *out += count;
}

/* Whether a card number outside of strings is a whole JSON number: it has no sign and no end. */
static int is_whole(const uint8_t *from, uint32_t length, uint32_t at, uint32_t card) {
  static const char part[] = "+-.eE";
  if (at > 0 && strchr(part, from[at - 1]) != NULL) return 0;
  return at + card >= length || strchr(part, from[at + card]) == NULL;
}

/* Copies text with all but the last four digits of each card number replaced by *. `to` may be
 * NULL to count only. Raw JSON: a number outside of strings becomes a string, so that it stays
 * JSON; escapes stay whole. */
static uint32_t hide_cards(const uint8_t *from, uint32_t length, uint8_t type, uint8_t *to,
                           uint32_t *written) {
  uint32_t found = 0, at = 0, out = 0, digits = 0;
  int in_string = type != WEIR_JSON;
  while (at < length) {
    uint32_t k, seen = 0, card = 0, step = 1;
    if (type != WEIR_TEXT && from[at] == '\\') {
      step = at + 1 < length && from[at + 1] == 'u' ? 6 : 2;
      if (step > length - at) step = length - at;
    } else if (type == WEIR_JSON && from[at] == '"') {
      in_string = !in_string;
    } else if (is_digit(from[at]) && (at == 0 || !is_digit(from[at - 1]))) {
      card = card_at(from + at, length - at, &digits);
      if (card != 0 && !in_string && !is_whole(from, length, at, card)) card = 0;
    }
    if (card == 0) {
      copy(to, &out, from + at, step);
      at += step;
      continue;
    }
    found++;
    if (!in_string) copy(to, &out, (const uint8_t *)"\"", 1);
    for (k = 0; k < card; k++) {
      uint8_t c = from[at + k];
      if (is_digit(c) && seen++ + 4 < digits) c = '*';
      copy(to, &out, &c, 1);
    }
    if (!in_string) copy(to, &out, (const uint8_t *)"\"", 1);
    at += card;
  }
  *written = out;
  return found;
}

/* ---- Work ---- */

static int32_t put(const redact *self, weir_batch *batch, const uint8_t *text, uint32_t length,
                   weir_field *field) {
  uint8_t *room;
  int32_t result = self->host->scratch_reserve(self->context, batch, length, &room);
  if (result != WEIR_OK) return result;
  memcpy(room, text, length);
  result = self->host->scratch_commit(self->context, batch, length, &field->segment,
                                      &field->value.slice.offset);
  if (result != WEIR_OK) return result;
  field->value.slice.length = length;
  field->type = WEIR_TEXT;
  field->flags = 0;
  return WEIR_OK;
}

static int32_t hide_in_slice(const redact *self, weir_batch *batch, weir_field *field,
                             uint32_t *hidden) {
  const uint8_t *from = batch->segments[field->segment].base + field->value.slice.offset;
  uint32_t length = field->value.slice.length, size, found;
  uint8_t *room;
  int32_t result;
  if (length < DIGITS_MIN) return WEIR_OK;
  found = hide_cards(from, length, field->type, NULL, &size);
  if (found == 0) return WEIR_OK;
  result = self->host->scratch_reserve(self->context, batch, size, &room);
  if (result != WEIR_OK) return result;
  hide_cards(from, length, field->type, room, &size);
  result = self->host->scratch_commit(self->context, batch, size, &field->segment,
                                      &field->value.slice.offset);
  if (result != WEIR_OK) return result;
  field->value.slice.length = size;
  *hidden += found;
  return WEIR_OK;
}

static int32_t hide_in_number(const redact *self, weir_batch *batch, weir_field *field,
                              uint32_t *hidden) {
  uint8_t text[20], masked[20];
  uint64_t number = field->value.u64;
  uint32_t length = 0, size, i;
  do {
    text[sizeof text - 1 - length++] = (uint8_t)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  for (i = 0; i < length; i++) text[i] = text[sizeof text - length + i];
  if (hide_cards(text, length, WEIR_TEXT, masked, &size) == 0) return WEIR_OK;
  *hidden += 1;
  return put(self, batch, masked, size, field);
}

static int32_t hide_in_field(const redact *self, weir_batch *batch, weir_field *field,
                             uint32_t depth, uint32_t *hidden) {
  uint32_t i;
  switch (field->type) {
    case WEIR_TEXT:
    case WEIR_JSON_TEXT:
    case WEIR_JSON:
      return hide_in_slice(self, batch, field, hidden);
    case WEIR_INT64:
      if (field->value.i64 < 0) return WEIR_OK;
      return hide_in_number(self, batch, field, hidden);
    case WEIR_UINT64:
      return hide_in_number(self, batch, field, hidden);
    case WEIR_MAP:
    case WEIR_ARRAY:
      for (i = 0; depth < DEPTH_MAX && i < field->value.children.count; i++) {
        weir_field *child = batch->fields + field->value.children.first + i;
        int32_t result = hide_in_field(self, batch, child, depth + 1, hidden);
        if (result != WEIR_OK) return result;
      }
      return WEIR_OK;
    default:
      return WEIR_OK;
  }
}

static int is_hidden_key(const redact *self, uint32_t key) {
  uint32_t i;
  for (i = 0; i < self->key_count; i++)
    if (self->keys[i] == key) return 1;
  return 0;
}

static int32_t process(void *instance, void *state, weir_batch *batch, const uint32_t *selection,
                       uint32_t selection_count, uint32_t *cursor, weir_error *error) {
  const redact *self = state;
  uint32_t hidden = 0;
  int32_t result = WEIR_OK;
  (void)instance, (void)error;
  /* A record that was begun before the room ran out is done again: hiding twice does no harm. */
  for (; *cursor < selection_count && result == WEIR_OK; ++*cursor) {
    const uint8_t *place =
        (const uint8_t *)batch->records + (uint64_t)selection[*cursor] * batch->record_stride;
    const weir_record *record = (const weir_record *)(const void *)place;
    uint32_t i;
    for (i = 0; i < record->field_count && result == WEIR_OK; i++) {
      weir_field *field = batch->fields + record->first_field + i;
      if (is_hidden_key(self, field->key)) {
        hidden++;
        result = put(self, batch, self->mask, self->mask_length, field);
      } else if (self->hides_cards) {
        result = hide_in_field(self, batch, field, 0, &hidden);
      }
    }
    if (result != WEIR_OK) break;
  }
  if (hidden > 0) self->host->metric_record(self->context, self->metric, hidden);
  return result;
}

/* ---- What the plugin says about itself ---- */

static const weir_lifecycle lifecycle = {
    .struct_size = sizeof(weir_lifecycle),
    .create = create,
    .prepare = prepare,
    .lane_open = lane_open,
    .lane_close = lane_close,
    .destroy = destroy,
};

static const weir_filter filter = {.struct_size = sizeof(weir_filter), .process = process};

static const weir_component components[] = {{
    .struct_size = sizeof(weir_component),
    .kind = WEIR_KIND_FILTER,
    .type_name = TEXT("redact"),
    .help = TEXT("hide card numbers and the values of chosen keys"),
    .options = TEXT(
        "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
        "\"keys\": {\"type\": \"array\", \"items\": {\"type\": \"string\"},"
        " \"description\": \"top-level keys whose values are replaced whole\"},"
        "\"mask\": {\"type\": \"string\", \"default\": \"[redacted]\","
        " \"description\": \"what takes the place of those values\"},"
        "\"cards\": {\"type\": \"boolean\", \"default\": true,"
        " \"description\": \"hide all but the last four digits of card numbers\"}}}"),
    .lifecycle = &lifecycle,
    .table = &filter,
}};

static const weir_descriptor descriptor = {
    .magic = WEIR_MAGIC,
    .struct_size = sizeof(weir_descriptor),
    .abi_major = WEIR_ABI_MAJOR,
    .abi_minor = WEIR_ABI_MINOR,
    .component_count = 1,
    .component_stride = sizeof(weir_component),
    .components = components,
    .name = TEXT("sample_redact"),
    .version = TEXT("1.0.0"),
    .licence = TEXT("Apache-2.0"),
};

__attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
  return &descriptor;
}
