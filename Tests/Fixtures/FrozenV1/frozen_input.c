/* An input as it was compiled against version 1.0 of the ABI. Never recompiled: see README.md.
 * Publishes `count` lines `frozen N`, three per poll, then ends. */
#include <stdlib.h>
#include <string.h>

#include "weir_plugin.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

typedef struct {
  const weir_host *host;
  weir_context *context;
  int64_t count, next;
  uint64_t position;
  uint32_t stream;
} state;

static int32_t create(const weir_host *host, weir_context *context, const weir_node *options,
                      void **instance, weir_error *error) {
  static const uint8_t count[] = {'c', 'o', 'u', 'n', 't'};
  state *self = calloc(1, sizeof *self);
  (void)error;
  if (self == NULL) return WEIR_E_MEMORY;
  self->host = host;
  self->context = context;
  self->count = host->node_integer(host->node_get(options, count, sizeof count));
  *instance = self;
  return WEIR_OK;
}

static int32_t prepare(void *instance, const weir_limits *limits, weir_error *error) {
  (void)instance, (void)limits, (void)error;
  return WEIR_OK;
}

static int32_t lane_open(void *instance, uint32_t lane, void **lane_state, weir_error *error) {
  (void)lane, (void)error;
  *lane_state = instance;
  return WEIR_OK;
}

static void lane_close(void *instance, void *lane_state) { (void)instance, (void)lane_state; }
static void destroy(void *instance) { free(instance); }

static int32_t start(void *instance, void *lane_state, weir_error *error) {
  state *self = lane_state;
  (void)instance, (void)error;
  return self->host->stream_open(self->context, NULL, 0, NULL, 0, &self->stream);
}

static uint32_t line(uint8_t *to, int64_t number) {
  uint8_t digits[20];
  uint32_t count = 0, length = 7;
  memcpy(to, "frozen ", 7);
  do {
    digits[count++] = (uint8_t)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (count > 0) to[length++] = digits[--count];
  to[length++] = '\n';
  return length;
}

static int32_t poll(void *instance, void *lane_state, int64_t now_ns, int64_t *next_ns,
                    weir_error *error) {
  state *self = lane_state;
  uint64_t capacity;
  uint8_t *data;
  int i;
  (void)instance, (void)error;
  for (i = 0; i < 3 && self->next < self->count; i++) {
    uint32_t length;
    int32_t result = self->host->slot_acquire(self->context, self->stream, 32, &data, &capacity);
    if (result != WEIR_OK) return result == WEIR_BUSY ? WEIR_OK : result;
    length = line(data, self->next);
    result = self->host->slot_publish(self->context, self->stream, length, self->position, 0);
    if (result != WEIR_OK) return result;
    self->position += length;
    self->next++;
  }
  if (self->next == self->count) return WEIR_END;
  *next_ns = now_ns + 1000000;
  return WEIR_OK;
}

static void stop(void *instance, void *lane_state) { (void)instance, (void)lane_state; }

static const weir_lifecycle lifecycle = {sizeof(weir_lifecycle), 0, create,     prepare,
                                         lane_open,              0, lane_close, destroy};
static const weir_input input = {sizeof(weir_input), 0, start, poll, stop};
static const weir_component components[] = {
    {sizeof(weir_component), WEIR_KIND_INPUT, TEXT("frozen_input"), TEXT("frozen at version 1.0"),
     TEXT("{\"type\": \"object\", \"properties\": {\"count\": {\"type\": \"integer\", "
          "\"minimum\": 0, \"default\": 10}}}"),
     0, 1, &lifecycle, &input}};
static const weir_descriptor descriptor = {
    WEIR_MAGIC, sizeof(weir_descriptor), 1, 0, 0, 0, 1, sizeof(weir_component), 0, components,
    TEXT("frozen_input"), TEXT("1.0.0"), TEXT("Apache-2.0"), TEXT("frozen")};

__attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
  return &descriptor;
}
