/* ISA-L's igzip behind a narrow door: found with dlopen at run time, compiled against its headers
 * where they are installed, and absent (every call says so) where they are not. */
#ifndef WEIR_ISAL_H
#define WEIR_ISAL_H

#include <stddef.h>
#include <stdint.h>

typedef struct weir_isal_deflate weir_isal_deflate;
typedef struct weir_isal_inflate weir_isal_inflate;

#define WEIR_ISAL_MORE 0    /* all input is taken, or the room is full: see the counts */
#define WEIR_ISAL_END 1     /* the member is complete */
#define WEIR_ISAL_DAMAGED 2 /* the data are no gzip member, or damaged */

/* Whether the library could be loaded; the answer never changes in a process. */
int weir_isal_present(void);

/* A state for level 1 to 3, or NULL. */
weir_isal_deflate *weir_isal_deflate_open(uint32_t level);
void weir_isal_deflate_begin(weir_isal_deflate *state);
/* `is_last` ends the member behind this input; WEIR_ISAL_END when it is written whole. */
int weir_isal_deflate_step(weir_isal_deflate *state, const uint8_t *in, uint32_t in_length,
                           uint32_t *consumed, uint8_t *out, uint32_t out_capacity,
                           uint32_t *produced, int is_last);
void weir_isal_deflate_close(weir_isal_deflate *state);

weir_isal_inflate *weir_isal_inflate_open(void);
void weir_isal_inflate_begin(weir_isal_inflate *state);
int weir_isal_inflate_step(weir_isal_inflate *state, const uint8_t *in, uint32_t in_length,
                           uint32_t *consumed, uint8_t *out, uint32_t out_capacity,
                           uint32_t *produced);
void weir_isal_inflate_close(weir_isal_inflate *state);

#endif
