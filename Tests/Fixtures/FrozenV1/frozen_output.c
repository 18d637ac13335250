/* An output as it was compiled against version 1.0 of the ABI. Never recompiled: see README.md.
 * Appends the text of `log` of each record to the file `path`; the first delivery asks to be tried
 * again, the second is busy once, the third is deferred and acknowledged at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir_plugin.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

typedef struct {
  const weir_host *host;
  weir_context *context;
  char path[1024];
  FILE *file;
  uint32_t log;
  int calls;
} state;

static int32_t create(const weir_host *host, weir_context *context, const weir_node *options,
                      void **instance, weir_error *error) {
  static const uint8_t path[] = {'p', 'a', 't', 'h'}, log[] = {'l', 'o', 'g'};
  state *self = calloc(1, sizeof *self);
  weir_string text;
  (void)error;
  if (self == NULL) return WEIR_E_MEMORY;
  self->host = host;
  self->context = context;
  host->node_text(host->node_get(options, path, sizeof path), &text);
  if (text.length == 0 || text.length >= sizeof self->path) {
    free(self);
    return WEIR_E_CONFIG;
  }
  memcpy(self->path, text.data, text.length);
  host->key_intern(context, log, sizeof log, &self->log);
  *instance = self;
  return WEIR_OK;
}

static int32_t prepare(void *instance, const weir_limits *limits, weir_error *error) {
  state *self = instance;
  (void)limits, (void)error;
  self->file = fopen(self->path, "a");
  return self->file != NULL ? WEIR_OK : WEIR_E_IO;
}

static int32_t lane_open(void *instance, uint32_t lane, void **lane_state, weir_error *error) {
  (void)lane, (void)error;
  *lane_state = instance;
  return WEIR_OK;
}

static int32_t drain(void *instance, int64_t deadline_ns, weir_error *error) {
  state *self = instance;
  (void)deadline_ns, (void)error;
  return fflush(self->file) == 0 ? WEIR_OK : WEIR_E_IO;
}

static void lane_close(void *instance, void *lane_state) { (void)instance, (void)lane_state; }

static void destroy(void *instance) {
  state *self = instance;
  if (self->file != NULL) fclose(self->file);
  free(self);
}

static void write_record(state *self, const weir_batch *batch, uint32_t index) {
  const uint8_t *place =
      (const uint8_t *)batch->records + (uint64_t)index * batch->record_stride;
  const weir_record *record = (const weir_record *)(const void *)place;
  uint32_t i;
  for (i = 0; i < record->field_count; i++) {
    const weir_field *field = batch->fields + record->first_field + i;
    if (field->key != self->log || field->type != WEIR_TEXT) continue;
    fwrite(batch->segments[field->segment].base + field->value.slice.offset, 1,
           field->value.slice.length, self->file);
    fputc('\n', self->file);
  }
}

static int32_t deliver(void *instance, void *lane_state, const weir_batch *batch,
                       const uint32_t *selection, uint32_t selection_count, uint64_t ticket,
                       weir_error *error) {
  state *self = lane_state;
  uint32_t i;
  (void)instance, (void)error;
  switch (self->calls++) {
    case 0:
      return WEIR_RETRY;
    case 1:
      self->host->wake(self->context);
      return WEIR_BUSY;
    default:
      break;
  }
  for (i = 0; i < selection_count; i++) write_record(self, batch, selection[i]);
  if (self->calls == 3) {
    self->host->ack(self->context, ticket, WEIR_OK);
    return WEIR_DEFERRED;
  }
  return WEIR_OK;
}

static const weir_lifecycle lifecycle = {sizeof(weir_lifecycle), 0,     create,     prepare,
                                         lane_open,              drain, lane_close, destroy};
static const weir_output output = {sizeof(weir_output), 0, deliver, 0, 0, 0};
static const weir_component components[] = {
    {sizeof(weir_component), WEIR_KIND_OUTPUT, TEXT("frozen_output"),
     TEXT("frozen at version 1.0"),
     TEXT("{\"type\": \"object\", \"required\": [\"path\"], \"properties\": {\"path\": "
          "{\"type\": \"string\"}}}"),
     WEIR_CAN_DELIVER, 1, &lifecycle, &output}};
static const weir_descriptor descriptor = {
    WEIR_MAGIC, sizeof(weir_descriptor), 1, 0, 0, 0, 1, sizeof(weir_component), 0, components,
    TEXT("frozen_output"), TEXT("1.0.0"), TEXT("Apache-2.0"), TEXT("frozen")};

__attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
  return &descriptor;
}
