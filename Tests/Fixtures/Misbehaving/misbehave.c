/* A filter that breaks the contract in the way that its option `mode` names. */
#include <stdlib.h>
#include <string.h>

#include "weir_plugin.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

typedef struct {
  const weir_host *host;
  weir_context *context;
  weir_batch *kept;
  char mode[32];
} state;

static int32_t create(const weir_host *host, weir_context *context, const weir_node *options,
                      void **instance, weir_error *error) {
  static const uint8_t mode[] = {'m', 'o', 'd', 'e'};
  state *self = calloc(1, sizeof *self);
  weir_string text;
  if (self == NULL) return WEIR_E_MEMORY;
  self->host = host;
  self->context = context;
  host->node_text(host->node_get(options, mode, sizeof mode), &text);
  if (text.length >= sizeof self->mode) text.length = sizeof self->mode - 1;
  memcpy(self->mode, text.data, text.length);
  if (strcmp(self->mode, "create") == 0) {
    error->message_length = 11;
    memcpy(error->message, "no\nway here", 11);
    error->path_length = 4;
    memcpy(error->path, "mode", 4);
    free(self);
    return WEIR_E_CONFIG;
  }
  if (strcmp(self->mode, "leak") == 0) {
    void *lost;
    self->host->memory_take(context, 1000, &lost);
    if (malloc(5000) == NULL) return WEIR_E_MEMORY;
  }
  *instance = self;
  return WEIR_OK;
}

static int32_t prepare(void *instance, const weir_limits *limits, weir_error *error) {
  state *self = instance;
  (void)limits, (void)error;
  return strcmp(self->mode, "prepare") == 0 ? WEIR_E_IO : WEIR_OK;
}

static int32_t lane_open(void *instance, uint32_t lane, void **lane_state, weir_error *error) {
  state *self = instance;
  (void)lane, (void)error;
  *lane_state = instance;
  return strcmp(self->mode, "lane") == 0 ? WEIR_E_MEMORY : WEIR_OK;
}

static void lane_close(void *instance, void *lane_state) { (void)instance, (void)lane_state; }
static void destroy(void *instance) { free(instance); }

static int32_t drain(void *instance, int64_t deadline_ns, weir_error *error) {
  state *self = instance;
  (void)error;
  if (strcmp(self->mode, "drain") != 0) return WEIR_OK;
  while (self->host->clock_monotonic() < deadline_ns + 700000000) {
  }
  return WEIR_OK;
}

static int32_t misuse(state *self, weir_batch *batch) {
  const char *mode = self->mode;
  uint8_t *room;
  uint32_t id;
  uint16_t segment;
  if (strcmp(mode, "metric") == 0)
    return self->host->metric_define(self->context, 1, (const uint8_t *)"m", 1, &id);
  if (strcmp(mode, "intern") == 0)
    return self->host->key_intern(self->context, (const uint8_t *)"k", 1, &id);
  if (strcmp(mode, "commit") == 0)
    return self->host->scratch_commit(self->context, batch, 10, &segment, &id);
  if (strcmp(mode, "foreign") == 0)
    return self->host->key_in_batch(self->context, batch, (const uint8_t *)"k", 1, &id);
  if (strcmp(mode, "keep") == 0) {
    weir_batch *kept = self->kept;
    self->kept = batch;
    if (kept != NULL) return self->host->scratch_reserve(self->context, kept, 10, &room);
  }
  return WEIR_OK;
}

static int32_t damage(state *self, weir_batch *batch, uint32_t index) {
  weir_record *record = batch->records + index;
  if (strcmp(self->mode, "fields") == 0) record->first_field = 0x7fffffff;
  if (strcmp(self->mode, "slice") == 0)
    batch->fields[record->first_field].value.slice.offset = 0xfffffff0;
  if (strcmp(self->mode, "tag") == 0) record->tag = 0xffff;
  if (strcmp(self->mode, "table") == 0) batch->fields = NULL;
  if (strcmp(self->mode, "count") == 0) batch->record_count += 1000000;
  if (strcmp(self->mode, "cycle") == 0) {
    weir_field *field = batch->fields + record->first_field;
    field->type = WEIR_MAP;
    field->value.children.first = record->first_field;
    field->value.children.count = 1;
  }
  return WEIR_OK;
}

static int32_t process(void *instance, void *lane_state, weir_batch *batch,
                       const uint32_t *selection, uint32_t selection_count, uint32_t *cursor,
                       weir_error *error) {
  state *self = instance;
  (void)lane_state;
  if (strcmp(self->mode, "early") == 0) return WEIR_OK;
  if (selection_count == 0) return WEIR_OK;
  if (strcmp(self->mode, "nospace") == 0) {
    *cursor = 1;
    return WEIR_NO_SPACE;
  }
  if (strcmp(self->mode, "fail") == 0) {
    error->message_length = 9;
    memcpy(error->message, "it is bad", 9);
    *cursor = 1;
    return WEIR_E_DATA;
  }
  if (strcmp(self->mode, "raw") == 0) batch->segments[0].base[0] ^= 1;
  misuse(self, batch);
  damage(self, batch, selection[0]);
  *cursor = selection_count;
  return WEIR_OK;
}

static const weir_lifecycle lifecycle = {sizeof(weir_lifecycle), 0,     create,     prepare,
                                         lane_open,              drain, lane_close, destroy};
static const weir_filter filter = {sizeof(weir_filter), 0, process};
static const weir_component components[] = {
    {sizeof(weir_component), WEIR_KIND_FILTER, TEXT("misbehave"), TEXT("breaks the contract"),
     TEXT("{\"type\": \"object\", \"properties\": {\"mode\": {\"type\": \"string\"}}}"), 0, 0,
     &lifecycle, &filter}};
static const weir_descriptor descriptor = {
    WEIR_MAGIC, sizeof(weir_descriptor), 1, 0, 0, 0, 1, sizeof(weir_component), 0, components,
    TEXT("misbehave"), TEXT("1.0.0"), TEXT("Apache-2.0"), TEXT("")};

__attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
  return &descriptor;
}
