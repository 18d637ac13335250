/* measure: written from docs/ABI.md alone, compiled by the tests with weir_plugin.h alone.
 *
 * Adds the length in bytes of the text of a key under another key, splits a text at the first blank
 * into two fields when asked to, and drops records whose text is longer than a limit. */
#include <stdlib.h>
#include <string.h>

#include "weir_plugin.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

typedef struct {
  const weir_host *host;
  weir_context *context;
  uint32_t of, as, rest, too_long;
  int64_t limit;
} measure;

static const weir_node *find(const weir_host *host, const weir_node *options, const char *name) {
  return host->node_get(options, (const uint8_t *)name, strlen(name));
}

static int32_t intern(measure *self, const weir_node *node, uint32_t *key) {
  weir_string text;
  self->host->node_text(node, &text);
  return self->host->key_intern(self->context, text.data, text.length, key);
}

static int32_t refuse(weir_error *error, const char *path, const char *message) {
  error->code = WEIR_E_CONFIG;
  error->path_length = (uint32_t)strlen(path);
  memcpy(error->path, path, strlen(path));
  error->message_length = (uint32_t)strlen(message);
  memcpy(error->message, message, strlen(message));
  return WEIR_E_CONFIG;
}

static int32_t create(const weir_host *host, weir_context *context, const weir_node *options,
                      void **instance, weir_error *error) {
  measure *self = calloc(1, sizeof *self);
  int32_t result;
  if (self == NULL) return WEIR_E_MEMORY;
  self->host = host;
  self->context = context;
  self->rest = WEIR_NO_KEY;
  self->limit = host->node_integer(find(host, options, "limit"));
  result = intern(self, find(host, options, "of"), &self->of);
  if (result == WEIR_OK) result = intern(self, find(host, options, "as"), &self->as);
  if (result == WEIR_OK && host->node_type(find(host, options, "rest")) != WEIR_NODE_NULL)
    result = intern(self, find(host, options, "rest"), &self->rest);
  if (result == WEIR_OK && self->as == self->of)
    result = refuse(error, "as", "it has to be another key than of");
  if (result == WEIR_OK)
    result = host->metric_define(context, WEIR_METRIC_COUNTER, (const uint8_t *)"too_long_total",
                                 14, &self->too_long);
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

static int32_t lane_open(void *instance, uint32_t lane, void **state, weir_error *error) {
  (void)lane, (void)error;
  *state = instance;
  return WEIR_OK;
}

static void lane_close(void *instance, void *state) { (void)instance, (void)state; }
static void destroy(void *instance) { free(instance); }

static weir_record *record_at(weir_batch *batch, uint32_t index) {
  return (weir_record *)(void *)((uint8_t *)batch->records +
                                 (uint64_t)index * batch->record_stride);
}

static weir_field *field_of(weir_batch *batch, uint32_t index, uint32_t key) {
  weir_record *record = record_at(batch, index);
  uint32_t i = record->field_count;
  while (i-- > 0) {
    weir_field *field = batch->fields + record->first_field + i;
    if (field->key == key) return field;
  }
  return NULL;
}

/* Adds a field, or replaces it: what is done twice comes out the same. */
static int32_t set(const measure *self, weir_batch *batch, uint32_t index, weir_field value) {
  weir_field *old = field_of(batch, index, value.key);
  if (old == NULL) return self->host->field_append(self->context, batch, index, &value);
  *old = value;
  return WEIR_OK;
}

static int32_t one(const measure *self, weir_batch *batch, uint32_t index) {
  weir_field *field = field_of(batch, index, self->of);
  const uint8_t *text, *blank;
  weir_field added;
  int32_t result;
  if (field == NULL || field->type != WEIR_TEXT) return WEIR_OK;
  if (field->value.slice.length > self->limit) {
    record_at(batch, index)->flags |= WEIR_RECORD_DROPPED;
    self->host->metric_record(self->context, self->too_long, 1);
    return WEIR_OK;
  }
  text = batch->segments[field->segment].base + field->value.slice.offset;
  blank = memchr(text, ' ', field->value.slice.length);
  if (self->rest != WEIR_NO_KEY && blank != NULL) {
    added = *field;
    added.key = self->rest;
    added.flags = 0;
    added.value.slice.offset += (uint32_t)(blank - text) + 1;
    added.value.slice.length -= (uint32_t)(blank - text) + 1;
    result = set(self, batch, index, added);
    if (result != WEIR_OK) return result;
    /* Appending may have moved the fields. */
    field = field_of(batch, index, self->of);
    if (field == NULL) return WEIR_E_INTERNAL;
  }
  memset(&added, 0, sizeof added);
  added.key = self->as;
  added.type = WEIR_UINT64;
  added.value.u64 = field->value.slice.length;
  return set(self, batch, index, added);
}

static int32_t process(void *instance, void *state, weir_batch *batch, const uint32_t *selection,
                       uint32_t selection_count, uint32_t *cursor, weir_error *error) {
  const measure *self = state;
  (void)instance, (void)error;
  for (; *cursor < selection_count; ++*cursor) {
    int32_t result = one(self, batch, selection[*cursor]);
    if (result != WEIR_OK) return result;
  }
  return WEIR_OK;
}

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
    .type_name = TEXT("measure"),
    .help = TEXT("add the length of a text"),
    .options = TEXT("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
                    "\"of\": {\"type\": \"string\", \"default\": \"log\"},"
                    "\"as\": {\"type\": \"string\", \"default\": \"length\"},"
                    "\"rest\": {\"type\": \"string\"},"
                    "\"limit\": {\"type\": \"integer\", \"unit\": \"bytes\", \"minimum\": 1,"
                    " \"default\": \"64k\"}}}"),
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
    .name = TEXT("measure"),
    .version = TEXT("1.0.0"),
    .licence = TEXT("Apache-2.0"),
};

__attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
  return &descriptor;
}
