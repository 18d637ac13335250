/* weir_plugin.h: the plugin ABI of Weir, version 1.0. This header is the only truth; docs/ABI.md explains it.
 *
 * Plain C99: fixed-width integers, no bool, enum types, bitfields, size_t, varargs or structs by value in shared data. Every struct that may
 * grow starts with its size and grows only at the end. Nobody frees what the other side allocated. */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_ABI_MAJOR 1u
#define WEIR_ABI_MINOR 0u

/* ---- The batch, read in place ----------------------------------------------------------------------------------- */

/* Value types, fixed in v1. */
#define WEIR_NULL 0u
#define WEIR_BOOL 1u      /* i64: 0 or 1 */
#define WEIR_INT64 2u     /* i64 */
#define WEIR_UINT64 3u    /* u64 */
#define WEIR_DOUBLE 4u    /* f64 */
#define WEIR_TEXT 5u      /* slice: text, meant as UTF-8, not validated */
#define WEIR_JSON_TEXT 6u /* slice: the body of a JSON string in canonical escapes, without its quotes */
#define WEIR_JSON 7u      /* slice: an object, an array or a number token as canonical JSON */
#define WEIR_BINARY 8u    /* slice: bytes */
#define WEIR_TIME 9u      /* i64: nanoseconds since 1970-01-01T00:00:00Z */
#define WEIR_MAP 10u      /* children: fields with keys */
#define WEIR_ARRAY 11u    /* children: fields whose key is WEIR_NO_KEY */
#define WEIR_METADATA 12u /* children: metadata of the event; not part of the body */

/* Field flags. */
#define WEIR_FIELD_ASCII 1u /* every byte of the slice is below 0x80 */
#define WEIR_FIELD_CLEAN 2u /* the slice needs no JSON escape (implies ASCII): it may be copied as it is */

#define WEIR_NO_KEY 0xffffffffu
#define WEIR_LOCAL_KEY 0x80000000u /* this bit set: the key lives in the batch's own key table */
#define WEIR_NO_RESOURCE 0xffffffffu

#define WEIR_SEGMENT_RAW 0u     /* what read(2) put there; never written again */
#define WEIR_SEGMENT_SCRATCH 1u /* append-only */

typedef struct weir_field {
  uint32_t key;     /* key id, or WEIR_NO_KEY in arrays */
  uint8_t type;     /* WEIR_NULL ... */
  uint8_t flags;    /* WEIR_FIELD_... */
  uint16_t segment; /* of a slice */
  union {
    struct {
      uint32_t offset; /* bytes from the segment's base */
      uint32_t length; /* bytes */
    } slice;
    struct {
      uint32_t first; /* index into the batch's fields */
      uint32_t count;
    } children;
    int64_t i64;
    uint64_t u64;
    double f64;
  } value;
} weir_field;

/* Record flags. */
#define WEIR_RECORD_DROPPED 1u    /* a rule of the user took it out */
#define WEIR_RECORD_DUPLICATES 2u /* a key may occur twice: writers keep the last one */
#define WEIR_RECORD_EMITTED 4u    /* made by a filter; runs the filters again from the start */
#define WEIR_RECORD_UNPARSED 8u   /* its parser refused it */

typedef struct weir_record {
  int64_t time_ns;         /* nanoseconds since 1970-01-01T00:00:00Z */
  uint64_t position;       /* first byte in the source's generation */
  uint32_t length;         /* bytes from there, line end included; joined records: to the end of the last part */
  uint32_t first_field;    /* index into the batch's fields */
  uint16_t field_count;
  uint16_t field_capacity; /* fields that fit at first_field without moving */
  uint16_t flags;          /* WEIR_RECORD_... */
  uint16_t ordinal;        /* counts records made from one line */
  uint32_t source;         /* index into the batch's sources */
  uint32_t tag;            /* index into the batch's tags */
  uint32_t resource;       /* index into the batch's resources, or WEIR_NO_RESOURCE */
  uint32_t reserved;
} weir_record;

typedef struct weir_segment {
  uint8_t *base;     /* 64 readable bytes follow base + capacity */
  uint64_t length;   /* bytes in use */
  uint64_t capacity; /* bytes that may be in use */
} weir_segment;

/* A stretch of one stream that this batch holds. */
typedef struct weir_source {
  uint64_t generation[2]; /* random 128-bit id of the file generation; zero for inputs without positions */
  uint64_t stream;        /* number of the stream in this process */
  uint64_t begin, end;    /* byte range in the generation */
  uint32_t tag;           /* index into the batch's tags */
  uint32_t resource;      /* index into the batch's resources, or WEIR_NO_RESOURCE */
  uint32_t input;         /* index of the input instance */
  uint32_t range;         /* host's: the ack ledger's entry */
} weir_source;

typedef struct weir_tag {
  const uint8_t *data;
  uint32_t length;
  uint32_t plan; /* host's: the filters and outputs of the tag */
} weir_tag;

typedef struct weir_key {
  const uint8_t *data;
  uint32_t length;
  uint32_t hash;
} weir_key;

/* Metadata shared by all records of a stream, rendered once. */
typedef struct weir_resource {
  const uint8_t *data; /* canonical JSON object */
  uint32_t length;
  uint32_t key; /* key id under which writers put it */
} weir_resource;

typedef struct weir_batch {
  uint32_t struct_size;
  uint32_t record_stride; /* bytes from record to record: sizeof(weir_record) or more */
  uint64_t sequence;
  weir_record *records;
  weir_field *fields;
  weir_segment *segments;
  weir_source *sources;
  weir_tag *tags;
  weir_key *keys;       /* the host's table: ids without WEIR_LOCAL_KEY */
  weir_key *local_keys; /* the batch's own: ids with it */
  weir_resource *resources;
  uint32_t record_count, record_capacity;
  uint32_t field_count, field_capacity;
  uint32_t segment_count, segment_capacity;
  uint32_t source_count, source_capacity;
  uint32_t tag_count, tag_capacity;
  uint32_t key_count; /* readable entries of keys when the batch was made */
  uint32_t local_key_count, local_key_capacity;
  uint32_t resource_count, resource_capacity;
  uint64_t checkpoint; /* opaque to plugins */
  void *host;          /* the host's */
} weir_batch;

#ifdef __cplusplus
}
#endif
#endif
