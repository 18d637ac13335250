/* weir_plugin.h: the plugin ABI of Weir, version 1.1. The only truth; docs/ABI.md explains it.
 *
 * Plain C99: fixed-width integers; no bool, enum types, bitfields, size_t, varargs or structs by
 * value between the two sides. Every struct that may grow starts with its size and grows only at
 * its end; a function pointer that is NULL or beyond struct_size is absent. Text is pointer and
 * length, never ended by a zero. Nobody frees what the other side allocated. Nothing unwinds across
 * the line.
 *
 * Thread tags: [control] calls of one instance never overlap with any other call of it, except
 * that lanes may be busy; [lane] calls with one lane state never overlap, but may come on changing
 * threads; [any] from any thread at any time. */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_ABI_MAJOR 1u
#define WEIR_ABI_MINOR 1u

/* ---- The batch, read in place -------------------------------------------------------------- */
/* Value types, fixed in v1. */
#define WEIR_NULL 0u
#define WEIR_BOOL 1u      /* i64: 0 or 1 */
#define WEIR_INT64 2u     /* i64 */
#define WEIR_UINT64 3u    /* u64 */
#define WEIR_DOUBLE 4u    /* f64 */
#define WEIR_TEXT 5u      /* slice: text, meant as UTF-8, not validated */
#define WEIR_JSON_TEXT 6u /* slice: the body of a JSON string in canonical escapes, no quotes */
#define WEIR_JSON 7u      /* slice: an object, an array or a number token as canonical JSON */
#define WEIR_BINARY 8u    /* slice: bytes */
#define WEIR_TIME 9u      /* i64: nanoseconds since 1970-01-01T00:00:00Z */
#define WEIR_MAP 10u      /* children: fields with keys */
#define WEIR_ARRAY 11u    /* children: fields whose key is WEIR_NO_KEY */
#define WEIR_METADATA 12u /* children: metadata of the event; not part of the body */
/* Field flags. */
#define WEIR_FIELD_ASCII 1u /* every byte of the slice is below 0x80 */
#define WEIR_FIELD_CLEAN 2u /* the slice needs no JSON escape (implies ASCII) */

#define WEIR_NO_KEY 0xffffffffu
#define WEIR_LOCAL_KEY 0x80000000u /* this bit set: the key lives in the batch's own key table */
#define WEIR_NO_RESOURCE 0xffffffffu

#define WEIR_SEGMENT_RAW 0u     /* what read(2) put there; never written again */
#define WEIR_SEGMENT_SCRATCH 1u /* append-only; 2 and up: further chunks */
typedef struct weir_field {
  uint32_t key;     /* key id, or WEIR_NO_KEY in arrays */
  uint8_t type;     /* WEIR_NULL ... */
  uint8_t flags;    /* WEIR_FIELD_... */
  uint16_t segment; /* of a slice */
  union {
    struct {
      uint32_t offset, length; /* bytes, from the segment's base */
    } slice;
    struct {
      uint32_t first, count; /* indexes into the batch's fields */
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
  uint32_t length;         /* bytes from there, line end included; joined: to the last part's end */
  uint32_t first_field;    /* index into the batch's fields */
  uint16_t field_count;
  uint16_t field_capacity; /* fields that fit there without moving */
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
  uint64_t generation[2]; /* random id of the file generation; zero where there are no positions */
  uint64_t stream;        /* number of the stream in this process */
  uint64_t begin, end;    /* byte range in the generation */
  uint32_t tag;           /* index into the batch's tags */
  uint32_t resource;      /* index into the batch's resources, or WEIR_NO_RESOURCE */
  uint32_t input;         /* index of the input instance */
  uint32_t range;         /* host's: the ack ledger's entry */
} weir_source;

typedef struct weir_tag {
  const uint8_t *data;
  uint32_t length, plan; /* plan is the host's: the filters and outputs of the tag */
} weir_tag;

typedef struct weir_key {
  const uint8_t *data;
  uint32_t length, hash;
} weir_key;

/* Metadata shared by all records of a stream, rendered once. */
typedef struct weir_resource {
  const uint8_t *data;  /* canonical JSON object */
  uint32_t length, key; /* the key id under which writers put it */
} weir_resource;

typedef struct weir_batch {
  uint32_t struct_size;
  uint32_t record_stride; /* bytes from record to record */
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

/* ---- Results ------------------------------------------------------------------------------- */
#define WEIR_OK 0 /* flow signals: 1 to 63; failures: below 0 */
#define WEIR_BUSY 1        /* not now: called again after wake, or a pause */
#define WEIR_NO_SPACE 2    /* out of room; a cursor or the counts say how far it came */
#define WEIR_RETRY 3       /* it may work later: the host waits and tries again, within its limit */
#define WEIR_DROPPED_ALL 4 /* every selected record is dropped: a hint, the flags count */
#define WEIR_DEFERRED 5    /* the answer comes through ack */
#define WEIR_END 6         /* inputs: nothing more will come; codecs: the member is complete */
#define WEIR_E_CONFIG (-1)      /* an option's value; error.path names the option */
#define WEIR_E_ARGUMENT (-2)    /* an argument that the contract does not allow */
#define WEIR_E_MEMORY (-3)      /* no memory, or beyond the account */
#define WEIR_E_IO (-4)          /* a file, a socket, a server */
#define WEIR_E_DATA (-5)        /* the data are damaged */
#define WEIR_E_LIMIT (-6)       /* a bound was reached */
#define WEIR_E_UNSUPPORTED (-7) /* this side cannot do that */
#define WEIR_E_STATE (-8)       /* called out of order, or from the wrong thread */
#define WEIR_E_INTERNAL (-9)    /* a defect of the side that answers */
/* Details of a failure: the caller's; the callee fills it when it answers below 0 (or WEIR_RETRY).
 * Message: one sentence in UTF-8 that says what is wrong and what to do. */
typedef struct weir_error {
  uint32_t struct_size;
  int32_t code;
  uint32_t line, column; /* in a configuration file, from 1; 0 when unknown */
  uint32_t path_length, message_length;
  uint8_t path[256]; /* into the options: "rules[2].key" */
  uint8_t message[1024];
} weir_error;

typedef struct weir_string {
  const uint8_t *data;
  uint64_t length;
} weir_string;

/* ---- What a plugin says about itself ------------------------------------------------------- */
#define WEIR_MAGIC 0x315249455721ab0bull
/* Plugin flags. */
#define WEIR_PLUGIN_NEVER_UNLOAD 1u /* the host never unloads anyway; says that it must not */
#define WEIR_PLUGIN_OWN_RUNTIME 2u  /* brings a runtime with threads and signal handlers (Go) */
#define WEIR_PLUGIN_SINGLE_LANE 4u  /* calls of all instances of one component never overlap */
/* Kinds of components, each with its table. */
#define WEIR_KIND_INPUT 1u         /* weir_input */
#define WEIR_KIND_PARSER 2u        /* weir_filter */
#define WEIR_KIND_FILTER 3u        /* weir_filter */
#define WEIR_KIND_OUTPUT 4u        /* weir_output */
#define WEIR_KIND_CODEC 5u         /* weir_codec */
#define WEIR_KIND_CONFIG_FORMAT 6u /* weir_config_format; its lifecycle may be NULL */
/* Capabilities. */
#define WEIR_CAN_DELIVER 1u /* outputs: deliver */
#define WEIR_CAN_ENCODE 2u  /* outputs over HTTP: encode and interpret */
#define WEIR_CAN_DEFLATE 4u /* codecs */
#define WEIR_CAN_INFLATE 8u
typedef struct weir_host weir_host;
typedef struct weir_context weir_context; /* the host's side of an instance */
typedef struct weir_node weir_node;       /* a node of the finished options; see node_... */

typedef struct weir_limits {
  uint32_t struct_size;
  uint32_t lanes;          /* lanes that will be open at once, at most */
  uint32_t records_max;    /* records of one batch */
  uint32_t fields_max;     /* fields of one batch */
  uint64_t scratch_bytes_max; /* scratch of one batch */
  uint64_t memory_bytes_max;  /* accounted memory of this instance */
} weir_limits;

/* create, prepare, lane_open ..., work, drain, lane_close ..., destroy: in this order, enforced by
 * the host. drain may be NULL. After a failure of create nothing else is called; after one of
 * prepare or lane_open, what was made is taken down. */
typedef struct weir_lifecycle {
  uint32_t struct_size, reserved;
  /* [control] Options are valid until it returns: read them, copy what is needed. The host table
   * and the context stay valid until destroy returns. Metrics and keys are made here. */
  int32_t (*create)(const weir_host *host, weir_context *context, const weir_node *options,
                    void **instance, weir_error *error);
  /* [control] Opens what work needs: files, sockets. */
  int32_t (*prepare)(void *instance, const weir_limits *limits, weir_error *error);
  /* [control] Makes what one lane needs. Work allocates nothing: it is done here. */
  int32_t (*lane_open)(void *instance, uint32_t lane, void **state, weir_error *error);
  /* [control] Finishes what is open before the deadline (monotonic ns); no work call follows. */
  int32_t (*drain)(void *instance, int64_t deadline_ns, weir_error *error);
  void (*lane_close)(void *instance, void *state); /* [control] */
  void (*destroy)(void *instance);                 /* [control] the last call */
} weir_lifecycle;

typedef struct weir_component {
  uint32_t struct_size;
  uint32_t kind; /* WEIR_KIND_... */
  weir_string type_name; /* what a configuration calls it: lower case, digits, _ and - */
  weir_string help;      /* one line */
  weir_string options;   /* JSON Schema subset, see docs/ABI.md; empty: it takes no options */
  uint32_t capabilities; /* WEIR_CAN_... */
  uint32_t lanes_max;    /* lanes one instance takes; 0 for any number */
  const weir_lifecycle *lifecycle;
  const void *table; /* weir_input, weir_filter, ... by kind */
} weir_component;

typedef struct weir_descriptor {
  uint64_t magic; /* WEIR_MAGIC */
  uint32_t struct_size;
  uint32_t abi_major, abi_minor; /* WEIR_ABI_... that it was compiled with */
  uint32_t host_minor_min;       /* the least minor version of the host that it runs with */
  uint32_t flags;                /* WEIR_PLUGIN_... */
  uint32_t component_count;
  uint32_t component_stride; /* sizeof(weir_component) as compiled */
  uint32_t reserved;
  const weir_component *components;
  weir_string name, version, licence, build_id;
} weir_descriptor;

/* The only symbol that a plugin exports. Free of side effects; the same answer each time. */
#define WEIR_PLUGIN_ENTRY "weir_plugin_entry_v1"
typedef const weir_descriptor *(*weir_plugin_entry)(void);

/* ---- Filters and parsers ------------------------------------------------------------------- */
typedef struct weir_filter {
  uint32_t struct_size, reserved;
  /* [lane] Works on records[selection[i]] for i from *cursor, in place. *cursor is 0 at first and
   * says on return how many are finished: selection_count with WEIR_OK. With WEIR_NO_SPACE the host
   * makes room and calls again from *cursor, or drops the rest, counted. */
  int32_t (*process)(void *instance, void *state, weir_batch *batch, const uint32_t *selection,
                     uint32_t selection_count, uint32_t *cursor, weir_error *error);
} weir_filter;

/* ---- Outputs ------------------------------------------------------------------------------- */
typedef struct weir_body weir_body; /* a request body that grows; see body_... of the host */
/* Outcomes of items. */
#define WEIR_ITEM_DONE 0u
#define WEIR_ITEM_RETRY 1u
#define WEIR_ITEM_DEAD 2u /* never will: to the dead letters, with the reason */
typedef struct weir_output {
  uint32_t struct_size, reserved;
  /* [lane] Stores the selected records. The host's own copy: the batch waits for this output only,
   * so it may block, and the same records come again after WEIR_RETRY. WEIR_OK, WEIR_DEFERRED (ack
   * with the ticket, from any thread), WEIR_BUSY, WEIR_RETRY, or below 0: dropped and counted. */
  int32_t (*deliver)(void *instance, void *state, const weir_batch *batch,
                     const uint32_t *selection, uint32_t selection_count, uint64_t ticket,
                     weir_error *error);
  /* [lane] A flush interval has passed. May be NULL. */
  int32_t (*flush)(void *instance, void *state, weir_error *error);
  /* [lane] Over HTTP: appends one item per record; item_ends[i] is where that of selection[i] ends,
   * from the body's end at the call on; a record left out ends where the one before it does. */
  int32_t (*encode)(void *instance, void *state, const weir_batch *batch,
                    const uint32_t *selection, uint32_t selection_count, uint32_t *cursor,
                    weir_body *body, uint64_t *item_ends, weir_error *error);
  /* [lane] Reads the reply: one outcome per item. The host retries, counts, dead-letters. */
  int32_t (*interpret)(void *instance, void *state, uint32_t status, const uint8_t *reply,
                       uint64_t reply_length, uint8_t *outcomes, uint32_t item_count,
                       weir_error *error);
  const struct weir_http *http; /* since 1.1; NULL, or beyond struct_size: no HTTP output */
} weir_output;

/* ---- Inputs -------------------------------------------------------------------------------- */
#define WEIR_NEVER 0x7fffffffffffffffll
typedef struct weir_input {
  uint32_t struct_size, reserved;
  /* [lane] Begins to read. Must not block. */
  int32_t (*start)(void *instance, void *state, weir_error *error);
  /* [lane] Reads what is there without blocking and publishes it through slot_acquire and
   * slot_publish; after WEIR_BUSY of slot_acquire returns, keeping what it could not hand over
   * unread. *next_ns: when to be called again (monotonic), WEIR_NEVER for wake only. WEIR_OK, or
   * WEIR_END when nothing more will come. */
  int32_t (*poll)(void *instance, void *state, int64_t now_ns, int64_t *next_ns,
                  weir_error *error);
  void (*stop)(void *instance, void *state); /* [lane] no poll follows */
} weir_input;

/* ---- Codecs -------------------------------------------------------------------------------- */
#define WEIR_DEFLATE 1u
#define WEIR_INFLATE 2u
typedef struct weir_codec {
  uint32_t struct_size, reserved;
  /* [any] The most bytes that begin ... finish makes of so many (WEIR_DEFLATE). */
  uint64_t (*bound)(void *instance, uint64_t bytes);
  /* [lane] Begins a member, whatever came before. The first one of a direction may allocate. */
  int32_t (*begin)(void *instance, void *state, uint32_t direction, weir_error *error);
  /* [lane] WEIR_OK: all input is consumed. WEIR_NO_SPACE: the room is full, call again with the
   * rest and new room. WEIR_END (inflate): the member is complete, *consumed ends it; begin reads
   * a further one. WEIR_E_DATA: damaged. *consumed and *produced are always set. */
  int32_t (*write)(void *instance, void *state, const uint8_t *in, uint64_t in_length,
                   uint64_t *consumed, uint8_t *out, uint64_t out_capacity, uint64_t *produced,
                   weir_error *error);
  /* [lane] Ends the member. WEIR_NO_SPACE: call again with new room. Inflate: WEIR_E_DATA when the
   * member is not complete. */
  int32_t (*finish)(void *instance, void *state, uint8_t *out, uint64_t out_capacity,
                    uint64_t *produced, weir_error *error);
} weir_codec;

/* ---- Configuration formats ----------------------------------------------------------------- */
/* How a scalar was written. */
#define WEIR_STYLE_PLAIN 0u
#define WEIR_STYLE_SINGLE_QUOTED 1u
#define WEIR_STYLE_DOUBLE_QUOTED 2u
#define WEIR_STYLE_BLOCK 3u

#define WEIR_SEVERITY_ERROR 0u
#define WEIR_SEVERITY_WARNING 1u
/* Takes the file as events: begin_map (key value)... end_map, begin_list value... end_list, scalar.
 * Lines and columns count from 1, columns in bytes. Anything but WEIR_OK: parse stops and returns
 * it at once (a bound, an unbalanced event, a failed include; the host has the message). Texts are
 * copied. [control] inside parse. */
typedef struct weir_tree_builder {
  uint32_t struct_size, reserved;
  void *context; /* the first argument of each function */
  int32_t (*begin_map)(void *context, uint32_t line, uint32_t column);
  int32_t (*end_map)(void *context);
  int32_t (*begin_list)(void *context, uint32_t line, uint32_t column);
  int32_t (*end_list)(void *context);
  int32_t (*key)(void *context, const uint8_t *text, uint64_t length, uint32_t line,
                 uint32_t column);
  int32_t (*scalar)(void *context, const uint8_t *text, uint64_t length, uint32_t style,
                    uint32_t line, uint32_t column);
  /* Asks for another file where a format has a directive for that: the host knows paths, globs
   * and limits, and puts what it holds here. */
  int32_t (*include)(void *context, const uint8_t *path, uint64_t length, uint32_t line,
                     uint32_t column);
  /* Tells a problem of the file; parse may go on to find more. After an error the file counts as
   * refused whatever parse returns. */
  int32_t (*problem)(void *context, uint32_t severity, const uint8_t *message, uint64_t length,
                     uint32_t line, uint32_t column);
} weir_tree_builder;

typedef struct weir_config_format {
  uint32_t struct_size, reserved;
  /* [any] How sure it is that the file is of this format: 0 (not) to 100, by name and first bytes
   * (up to 4,096). */
  int32_t (*probe)(const uint8_t *name, uint64_t name_length, const uint8_t *head,
                   uint64_t head_length);
  /* [control] Reads the whole file into the builder. A syntax error: told through problem, or
   * returned as WEIR_E_DATA with error.line, error.column and the message. */
  int32_t (*parse)(const uint8_t *bytes, uint64_t length, const weir_tree_builder *builder,
                   weir_error *error);
} weir_config_format;

/* ---- The host ------------------------------------------------------------------------------ */
#define WEIR_LOG_ERROR 1u
#define WEIR_LOG_WARN 2u
#define WEIR_LOG_INFO 3u
#define WEIR_LOG_DEBUG 4u
/* Types of option nodes. */
#define WEIR_NODE_NULL 0u
#define WEIR_NODE_BOOL 1u
#define WEIR_NODE_INTEGER 2u
#define WEIR_NODE_NUMBER 3u
#define WEIR_NODE_TEXT 4u
#define WEIR_NODE_LIST 5u
#define WEIR_NODE_MAP 6u

#define WEIR_METRIC_COUNTER 1u
#define WEIR_METRIC_GAUGE 2u
/* Flags of slot_publish. */
#define WEIR_LINES_STREAM_END 1u /* the stream ends behind these bytes */
#define WEIR_LINES_UNFINISHED 2u /* the last line has no line end and never gets one */
typedef struct weir_codec_stream weir_codec_stream;

/* Append-only. Test with WEIR_HOST_HAS before using what came after the plugin's host_minor_min. */
struct weir_host {
  uint32_t struct_size;
  uint32_t abi_major, abi_minor;
  uint32_t reserved;
  weir_string name, version; /* of the host */
  /* [any] One line, without a line end. */
  void (*log)(weir_context *context, uint32_t level, const uint8_t *text, uint64_t length);
  int64_t (*clock_wall)(void);      /* [any] nanoseconds since 1970-01-01T00:00:00Z */
  int64_t (*clock_monotonic)(void); /* [any] nanoseconds of a clock that never goes back */
  /* [control] in create: a metric of this instance; names as in Prometheus. */
  int32_t (*metric_define)(weir_context *context, uint32_t kind, const uint8_t *name,
                           uint64_t length, uint32_t *metric);
  /* [any] Adds to a counter (value >= 0), sets a gauge; no lock. */
  int32_t (*metric_record)(weir_context *context, uint32_t metric, int64_t value);
  /* [control] in create: the id of a key for all batches. */
  int32_t (*key_intern)(weir_context *context, const uint8_t *text, uint64_t length,
                        uint32_t *key);
  /* [lane] The id of a key found in data: interned, or in the batch's own table. The text lies in
   * one of the batch's segments. */
  int32_t (*key_in_batch)(weir_context *context, weir_batch *batch, const uint8_t *text,
                          uint64_t length, uint32_t *key);
  /* [any] The name of an interned key. */
  int32_t (*key_name)(weir_context *context, uint32_t key, weir_string *name);
  /* [lane] Room for so many bytes behind the scratch; nothing is taken before the commit. */
  int32_t (*scratch_reserve)(weir_context *context, weir_batch *batch, uint64_t bytes,
                             uint8_t **data);
  /* [lane] Takes the first bytes of the last reserve; where they are for a slice. */
  int32_t (*scratch_commit)(weir_context *context, weir_batch *batch, uint64_t bytes,
                            uint16_t *segment, uint32_t *offset);
  /* [lane] A record at the end with time, tag, source and resource of record `like`, no fields;
   * runs the filters again from the start. */
  int32_t (*record_append)(weir_context *context, weir_batch *batch, uint32_t like,
                           uint32_t field_room, uint32_t *record);
  /* [lane] A field at the end of a record; its other fields may move. */
  int32_t (*field_append)(weir_context *context, weir_batch *batch, uint32_t record,
                          const weir_field *field);
  /* [lane] Takes a field (index in the record) out; the others keep their order. */
  int32_t (*field_remove)(weir_context *context, weir_batch *batch, uint32_t record,
                          uint32_t index);
  /* [lane] Copies fields to the end of the field table, for the children of a map or array. */
  int32_t (*children_append)(weir_context *context, weir_batch *batch, const weir_field *fields,
                             uint32_t count, uint32_t *first);
  /* [any] Ends a deferred delivery: WEIR_OK, WEIR_RETRY or below 0. Once per ticket. */
  int32_t (*ack)(weir_context *context, uint64_t ticket, int32_t result);
  /* [any] Inputs: poll now. Outputs after WEIR_BUSY: deliver now. */
  int32_t (*wake)(weir_context *context);
  /* [lane] of inputs: a stream of ordered lines with a tag; an empty tag is the configured one. */
  int32_t (*stream_open)(weir_context *context, const uint8_t *tag, uint64_t tag_length,
                         const uint8_t *path, uint64_t path_length, uint32_t *stream);
  /* [lane] of inputs: room for at least so many bytes of the stream. WEIR_BUSY: nothing may be read
   * now; poll is called again when that may have changed. */
  int32_t (*slot_acquire)(weir_context *context, uint32_t stream, uint64_t bytes, uint8_t **data,
                          uint64_t *capacity);
  /* [lane] of inputs: takes bytes written at the room's start: whole lines, each with its \n. */
  int32_t (*slot_publish)(weir_context *context, uint32_t stream, uint64_t length,
                          uint64_t position, uint32_t flags);
  /* [lane] of inputs: sends what was published on its way before the slot is full. */
  int32_t (*slot_flush)(weir_context *context);
  /* [any] Memory on the host's account, aligned to 64 bytes; WEIR_E_LIMIT beyond the limit. */
  int32_t (*memory_take)(weir_context *context, uint64_t bytes, void **data);
  void (*memory_give)(weir_context *context, void *data); /* [any] */
  /* [control] A codec by its type name, with default options; see weir_codec for the rest, whose
   * calls are [lane]. */
  int32_t (*codec_open)(weir_context *context, const uint8_t *name, uint64_t length,
                        weir_codec_stream **codec, weir_error *error);
  uint64_t (*codec_bound)(weir_codec_stream *codec, uint64_t bytes);
  int32_t (*codec_begin)(weir_codec_stream *codec, uint32_t direction, weir_error *error);
  int32_t (*codec_write)(weir_codec_stream *codec, const uint8_t *in, uint64_t in_length,
                         uint64_t *consumed, uint8_t *out, uint64_t out_capacity,
                         uint64_t *produced, weir_error *error);
  int32_t (*codec_finish)(weir_codec_stream *codec, uint8_t *out, uint64_t out_capacity,
                          uint64_t *produced, weir_error *error);
  void (*codec_close)(weir_codec_stream *codec);
  /* [control] in create: the finished options. A node that is not there is NULL, and everything
   * may be asked of NULL. Values are typed by the schema and have their defaults. */
  uint32_t (*node_type)(const weir_node *node); /* WEIR_NODE_... */
  /* Children of a list or map; the index-th; the one of a key (any case); the key of a child. */
  uint64_t (*node_count)(const weir_node *node);
  const weir_node *(*node_child)(const weir_node *node, uint64_t index);
  const weir_node *(*node_get)(const weir_node *node, const uint8_t *key, uint64_t length);
  void (*node_key)(const weir_node *node, weir_string *key);
  /* The value of a scalar: text as written; bool as 0 or 1; sizes in bytes, times in seconds. */
  void (*node_text)(const weir_node *node, weir_string *text);
  int64_t (*node_integer)(const weir_node *node);
  double (*node_number)(const weir_node *node);
  /* Where the user wrote it: file, line, column; line 0 for a default. */
  void (*node_place)(const weir_node *node, weir_string *file, uint32_t *line, uint32_t *column);
  /* [any] "name/revision", or NULL when the host does not have it. */
  const void *(*extension)(weir_context *context, const uint8_t *name, uint64_t length);
  /* [lane] of outputs over HTTP, inside encode. NULL in hosts that do not carry them. */
  int32_t (*body_reserve)(weir_body *body, uint64_t bytes, uint8_t **data);
  int32_t (*body_commit)(weir_body *body, uint64_t bytes);
};

/* Whether a host has a function: `if (WEIR_HOST_HAS(host, slot_flush)) ...` */
#define WEIR_HOST_HAS(host, member)                                                               \
  ((host)->struct_size >= (uint32_t)((const char *)(&(host)->member + 1) - (const char *)(host)) \
      && (host)->member != 0)
#ifdef __cplusplus
}
#endif
#include "weir_http.h"
#endif
