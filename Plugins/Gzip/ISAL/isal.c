#include "weir_isal.h"

#if defined(__has_include)
#if __has_include(<isa-l/igzip_lib.h>)
#define WEIR_HAS_ISAL 1
#endif
#endif

#ifdef WEIR_HAS_ISAL

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct {
  void (*deflate_init)(struct isal_zstream *);
  int (*deflate)(struct isal_zstream *);
  void (*inflate_init)(struct inflate_state *);
  int (*inflate)(struct inflate_state *);
  int present;
} isal;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  /* The structures above belong to this major version of the library. */
  void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
  *(void **)&isal.deflate_init = dlsym(library, "isal_deflate_init");
  *(void **)&isal.deflate = dlsym(library, "isal_deflate");
  *(void **)&isal.inflate_init = dlsym(library, "isal_inflate_init");
  *(void **)&isal.inflate = dlsym(library, "isal_inflate");
  isal.present = isal.deflate_init != NULL && isal.deflate != NULL && isal.inflate_init != NULL &&
                 isal.inflate != NULL;
}

int weir_isal_present(void) {
  pthread_once(&once, load);
  return isal.present;
}

struct weir_isal_deflate {
  struct isal_zstream stream;
  uint32_t level, room_size;
  uint8_t *room;
};

weir_isal_deflate *weir_isal_deflate_open(uint32_t level) {
  if (!weir_isal_present() || level < 1 || level > 3) return NULL;
  weir_isal_deflate *state = calloc(1, sizeof *state);
  if (state == NULL) return NULL;
  state->level = level;
  state->room_size = level == 1   ? ISAL_DEF_LVL1_DEFAULT
                     : level == 2 ? ISAL_DEF_LVL2_DEFAULT
                                  : ISAL_DEF_LVL3_DEFAULT;
  state->room = malloc(state->room_size);
  if (state->room == NULL) {
    free(state);
    return NULL;
  }
  weir_isal_deflate_begin(state);
  return state;
}

void weir_isal_deflate_begin(weir_isal_deflate *state) {
  isal.deflate_init(&state->stream);
  state->stream.level = state->level;
  state->stream.level_buf = state->room;
  state->stream.level_buf_size = state->room_size;
  state->stream.gzip_flag = IGZIP_GZIP;
  state->stream.flush = NO_FLUSH;
}

int weir_isal_deflate_step(weir_isal_deflate *state, const uint8_t *in, uint32_t in_length,
                           uint32_t *consumed, uint8_t *out, uint32_t out_capacity,
                           uint32_t *produced, int is_last) {
  struct isal_zstream *stream = &state->stream;
  stream->next_in = (uint8_t *)(uintptr_t)in;
  stream->avail_in = in_length;
  stream->next_out = out;
  stream->avail_out = out_capacity;
  stream->end_of_stream = is_last ? 1 : 0;
  int result = isal.deflate(stream);
  *consumed = in_length - stream->avail_in;
  *produced = out_capacity - stream->avail_out;
  if (result != COMP_OK) return WEIR_ISAL_DAMAGED;
  return stream->internal_state.state == ZSTATE_END ? WEIR_ISAL_END : WEIR_ISAL_MORE;
}

void weir_isal_deflate_close(weir_isal_deflate *state) {
  if (state == NULL) return;
  free(state->room);
  free(state);
}

struct weir_isal_inflate {
  struct inflate_state stream;
};

weir_isal_inflate *weir_isal_inflate_open(void) {
  if (!weir_isal_present()) return NULL;
  weir_isal_inflate *state = calloc(1, sizeof *state);
  if (state != NULL) weir_isal_inflate_begin(state);
  return state;
}

void weir_isal_inflate_begin(weir_isal_inflate *state) {
  isal.inflate_init(&state->stream);
  state->stream.crc_flag = ISAL_GZIP;
}

int weir_isal_inflate_step(weir_isal_inflate *state, const uint8_t *in, uint32_t in_length,
                           uint32_t *consumed, uint8_t *out, uint32_t out_capacity,
                           uint32_t *produced) {
  struct inflate_state *stream = &state->stream;
  stream->next_in = (uint8_t *)(uintptr_t)in;
  stream->avail_in = in_length;
  stream->next_out = out;
  stream->avail_out = out_capacity;
  int result = isal.inflate(stream);
  *consumed = in_length - stream->avail_in;
  *produced = out_capacity - stream->avail_out;
  if (result < 0 || result == ISAL_NEED_DICT) return WEIR_ISAL_DAMAGED;
  return stream->block_state == ISAL_BLOCK_FINISH ? WEIR_ISAL_END : WEIR_ISAL_MORE;
}

void weir_isal_inflate_close(weir_isal_inflate *state) { free(state); }

#else

int weir_isal_present(void) { return 0; }
weir_isal_deflate *weir_isal_deflate_open(uint32_t level) {
  (void)level;
  return NULL;
}
void weir_isal_deflate_begin(weir_isal_deflate *state) { (void)state; }
int weir_isal_deflate_step(weir_isal_deflate *state, const uint8_t *in, uint32_t in_length,
                           uint32_t *consumed, uint8_t *out, uint32_t out_capacity,
                           uint32_t *produced, int is_last) {
  (void)state, (void)in, (void)in_length, (void)out, (void)out_capacity, (void)is_last;
  *consumed = 0;
  *produced = 0;
  return WEIR_ISAL_DAMAGED;
}
void weir_isal_deflate_close(weir_isal_deflate *state) { (void)state; }
weir_isal_inflate *weir_isal_inflate_open(void) { return NULL; }
void weir_isal_inflate_begin(weir_isal_inflate *state) { (void)state; }
int weir_isal_inflate_step(weir_isal_inflate *state, const uint8_t *in, uint32_t in_length,
                           uint32_t *consumed, uint8_t *out, uint32_t out_capacity,
                           uint32_t *produced) {
  (void)state, (void)in, (void)in_length, (void)out, (void)out_capacity;
  *consumed = 0;
  *produced = 0;
  return WEIR_ISAL_DAMAGED;
}
void weir_isal_inflate_close(weir_isal_inflate *state) { (void)state; }

#endif
