/* A filter as it was compiled against version 1.0 of the ABI. Never recompiled: see README.md.
 * Drops records that have the key `drop`, adds `frozen: 1` to the others, and upper-cases the text
 * of `log` in scratch. */
#include <stdlib.h>
#include <string.h>

#include "weir_plugin.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

typedef struct {
  const weir_host *host;
  weir_context *context;
  uint32_t drop, frozen, log, metric;
} state;

static uint32_t key(state *self, const char *name) {
  uint32_t id = WEIR_NO_KEY;
  self->host->key_intern(self->context, (const uint8_t *)name, strlen(name), &id);
  return id;
}

static int32_t create(const weir_host *host, weir_context *context, const weir_node *options,
                      void **instance, weir_error *error) {
  static const char metric[] = "frozen_records_total";
  state *self = calloc(1, sizeof *self);
  (void)options, (void)error;
  if (self == NULL) return WEIR_E_MEMORY;
  self->host = host;
  self->context = context;
  self->drop = key(self, "drop");
  self->frozen = key(self, "frozen");
  self->log = key(self, "log");
  host->metric_define(context, WEIR_METRIC_COUNTER, (const uint8_t *)metric, sizeof metric - 1,
                      &self->metric);
  *instance = self;
  return WEIR_OK;
}

static int32_t prepare(void *instance, const weir_limits *limits, weir_error *error) {
  (void)instance, (void)error;
  return limits->lanes > 0 ? WEIR_OK : WEIR_E_ARGUMENT;
}

static int32_t lane_open(void *instance, uint32_t lane, void **lane_state, weir_error *error) {
  (void)lane, (void)error;
  *lane_state = instance;
  return WEIR_OK;
}

static int32_t drain(void *instance, int64_t deadline_ns, weir_error *error) {
  state *self = instance;
  (void)error;
  return self->host->clock_monotonic() <= deadline_ns ? WEIR_OK : WEIR_E_LIMIT;
}

static void lane_close(void *instance, void *lane_state) { (void)instance, (void)lane_state; }
static void destroy(void *instance) { free(instance); }

static int32_t upper(state *self, weir_batch *batch, weir_field *field) {
  const uint8_t *from = batch->segments[field->segment].base + field->value.slice.offset;
  uint32_t length = field->value.slice.length, i;
  uint8_t *room;
  int32_t result = self->host->scratch_reserve(self->context, batch, length, &room);
  if (result != WEIR_OK) return result;
  for (i = 0; i < length; i++)
    room[i] = from[i] >= 'a' && from[i] <= 'z' ? (uint8_t)(from[i] - 32) : from[i];
  return self->host->scratch_commit(self->context, batch, length, &field->segment,
                                    &field->value.slice.offset);
}

static int32_t one(state *self, weir_batch *batch, uint32_t index) {
  weir_record *record =
      (weir_record *)(void *)((uint8_t *)batch->records + (uint64_t)index * batch->record_stride);
  weir_field added;
  uint32_t i;
  for (i = 0; i < record->field_count; i++) {
    weir_field *field = batch->fields + record->first_field + i;
    int32_t result = WEIR_OK;
    if (field->key == self->drop) {
      record->flags |= WEIR_RECORD_DROPPED;
      return WEIR_OK;
    }
    if (field->key == self->log && field->type == WEIR_TEXT) result = upper(self, batch, field);
    if (result != WEIR_OK) return result;
  }
  memset(&added, 0, sizeof added);
  added.key = self->frozen;
  added.type = WEIR_INT64;
  added.value.i64 = 1;
  return self->host->field_append(self->context, batch, index, &added);
}

static int32_t process(void *instance, void *lane_state, weir_batch *batch,
                       const uint32_t *selection, uint32_t selection_count, uint32_t *cursor,
                       weir_error *error) {
  state *self = lane_state;
  (void)instance, (void)error;
  for (; *cursor < selection_count; ++*cursor) {
    int32_t result = one(self, batch, selection[*cursor]);
    if (result != WEIR_OK) return result;
    self->host->metric_record(self->context, self->metric, 1);
  }
  return WEIR_OK;
}

static const weir_lifecycle lifecycle = {sizeof(weir_lifecycle), 0,     create,     prepare,
                                         lane_open,              drain, lane_close, destroy};
static const weir_filter filter = {sizeof(weir_filter), 0, process};
static const weir_component components[] = {{sizeof(weir_component), WEIR_KIND_FILTER,
                                             TEXT("frozen_filter"), TEXT("frozen at version 1.0"),
                                             TEXT("{\"type\": \"object\"}"), 0, 0, &lifecycle,
                                             &filter}};
static const weir_descriptor descriptor = {
    WEIR_MAGIC, sizeof(weir_descriptor), 1, 0, 0, 0, 1, sizeof(weir_component), 0, components,
    TEXT("frozen_filter"), TEXT("1.0.0"), TEXT("Apache-2.0"), TEXT("frozen")};

__attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
  return &descriptor;
}
