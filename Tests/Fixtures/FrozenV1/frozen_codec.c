/* A codec as it was compiled against version 1.0 of the ABI. Never recompiled: see README.md.
 * A member is a byte 1 before each byte of the data, which is inverted, and a byte 0 at its end. */
#include <stdlib.h>

#include "weir_plugin.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

typedef struct {
  uint32_t direction;
  int marked; /* inflating: the mark of the next byte was read */
  int ended;
} state;

static int32_t create(const weir_host *host, weir_context *context, const weir_node *options,
                      void **instance, weir_error *error) {
  (void)host, (void)context, (void)options, (void)error;
  *instance = NULL; /* nothing to keep */
  return WEIR_OK;
}

static int32_t prepare(void *instance, const weir_limits *limits, weir_error *error) {
  (void)instance, (void)limits, (void)error;
  return WEIR_OK;
}

static int32_t lane_open(void *instance, uint32_t lane, void **lane_state, weir_error *error) {
  (void)instance, (void)lane, (void)error;
  *lane_state = calloc(1, sizeof(state));
  return *lane_state != NULL ? WEIR_OK : WEIR_E_MEMORY;
}

static void lane_close(void *instance, void *lane_state) {
  (void)instance;
  free(lane_state);
}

static void destroy(void *instance) { (void)instance; }

static uint64_t bound(void *instance, uint64_t bytes) {
  (void)instance;
  return 2 * bytes + 1;
}

static int32_t begin(void *instance, void *lane_state, uint32_t direction, weir_error *error) {
  state *self = lane_state;
  (void)instance, (void)error;
  self->direction = direction;
  self->marked = 0;
  self->ended = 0;
  return WEIR_OK;
}

static int32_t deflate_some(const uint8_t *in, uint64_t in_length, uint64_t *consumed,
                            uint8_t *out, uint64_t out_capacity, uint64_t *produced) {
  while (*consumed < in_length) {
    if (out_capacity - *produced < 2) return WEIR_NO_SPACE;
    out[(*produced)++] = 1;
    out[(*produced)++] = (uint8_t)~in[(*consumed)++];
  }
  return WEIR_OK;
}

static int32_t inflate_some(state *self, const uint8_t *in, uint64_t in_length,
                            uint64_t *consumed, uint8_t *out, uint64_t out_capacity,
                            uint64_t *produced) {
  while (*consumed < in_length) {
    if (!self->marked) {
      uint8_t mark = in[(*consumed)++];
      if (mark > 1) return WEIR_E_DATA;
      if (mark == 0) {
        self->ended = 1;
        return WEIR_END;
      }
      self->marked = 1;
    } else {
      if (*produced == out_capacity) return WEIR_NO_SPACE;
      out[(*produced)++] = (uint8_t)~in[(*consumed)++];
      self->marked = 0;
    }
  }
  return WEIR_OK;
}

static int32_t write(void *instance, void *lane_state, const uint8_t *in, uint64_t in_length,
                     uint64_t *consumed, uint8_t *out, uint64_t out_capacity, uint64_t *produced,
                     weir_error *error) {
  state *self = lane_state;
  (void)instance, (void)error;
  *consumed = 0;
  *produced = 0;
  if (self->direction == WEIR_DEFLATE)
    return deflate_some(in, in_length, consumed, out, out_capacity, produced);
  return inflate_some(self, in, in_length, consumed, out, out_capacity, produced);
}

static int32_t finish(void *instance, void *lane_state, uint8_t *out, uint64_t out_capacity,
                      uint64_t *produced, weir_error *error) {
  state *self = lane_state;
  (void)instance, (void)error;
  *produced = 0;
  if (self->direction == WEIR_INFLATE) return self->ended ? WEIR_OK : WEIR_E_DATA;
  if (out_capacity == 0) return WEIR_NO_SPACE;
  out[(*produced)++] = 0;
  return WEIR_OK;
}

static const weir_lifecycle lifecycle = {sizeof(weir_lifecycle), 0, create,     prepare,
                                         lane_open,              0, lane_close, destroy};
static const weir_codec codec = {sizeof(weir_codec), 0, bound, begin, write, finish};
static const weir_component components[] = {
    {sizeof(weir_component), WEIR_KIND_CODEC, TEXT("frozen_codec"), TEXT("frozen at version 1.0"),
     {0, 0}, WEIR_CAN_DEFLATE | WEIR_CAN_INFLATE, 0, &lifecycle, &codec}};
static const weir_descriptor descriptor = {
    WEIR_MAGIC, sizeof(weir_descriptor), 1, 0, 0, 0, 1, sizeof(weir_component), 0, components,
    TEXT("frozen_codec"), TEXT("1.0.0"), TEXT("Apache-2.0"), TEXT("frozen")};

__attribute__((visibility("default"))) const weir_descriptor *weir_plugin_entry_v1(void) {
  return &descriptor;
}
