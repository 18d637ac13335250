/* weir_http.h: outputs over HTTP, since version 1.1 of the plugin ABI. weir_plugin.h includes it.
 *
 * The plugin formats requests and reads replies; the host carries: connections, TLS, compression,
 * retries of the items that failed, back-off, concurrency, the spool, dead letters, acks. A plugin
 * that wants this sets host_minor_min to 1, WEIR_CAN_ENCODE, and weir_output.http. */
#ifndef WEIR_HTTP_H
#define WEIR_HTTP_H

#include "weir_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Where requests go --------------------------------------------------------------------- */
#define WEIR_TLS_AS_CONFIGURED 0u
#define WEIR_TLS_OFF 1u
#define WEIR_TLS_ON 2u

#define WEIR_ENCODING_IDENTITY 0u
#define WEIR_ENCODING_GZIP 1u /* the host compresses: one gzip member per body */

#define WEIR_HEADER_SECRET 1u /* its value is never shown */
typedef struct weir_http_header {
  weir_string name, value; /* no control characters */
  uint32_t flags, reserved;
} weir_http_header;

/* A later item may replace what an earlier one stored: one request at a time. */
#define WEIR_TARGET_ORDERED 1u
#define WEIR_HEADERS_MAX 32u
/* The host sets struct_size and zeroes the rest; what describe puts in stays valid until its next
 * call or destroy. */
typedef struct weir_http_target {
  uint32_t struct_size, flags; /* WEIR_TARGET_... */
  weir_string method;          /* empty: POST */
  weir_string path;            /* with its query; begins with a slash */
  weir_string host;            /* empty: option host */
  uint32_t port;               /* 0: option port */
  uint32_t tls;                /* WEIR_TLS_... */
  uint32_t encoding;           /* WEIR_ENCODING_... */
  uint32_t header_count;
  const weir_http_header *headers;
} weir_http_target;

/* ---- Replies ------------------------------------------------------------------------------- */
#define WEIR_ITEM_DUPLICATE 3u /* stored by an earlier try: as good as done, counted apart */

typedef struct weir_outcomes weir_outcomes; /* one outcome per item; see weir_outcomes_host */

/* What a reply means for its request. */
#define WEIR_VERDICT_ITEMS 0u  /* decided item by item; what was not mentioned comes again */
#define WEIR_VERDICT_RETRY 1u  /* all of it again, after a pause */
#define WEIR_VERDICT_SPLIT 2u  /* too much at once: in two halves; a single item is dead */
#define WEIR_VERDICT_DENIED 3u /* refused for all that follows too: say so, keep the data, probe */
#define WEIR_VERDICT_DEAD 4u   /* no item of it ever will be stored */
typedef struct weir_verdict {
  uint32_t struct_size;
  uint32_t kind; /* WEIR_VERDICT_... */
  uint32_t message_length, reserved;
  uint8_t message[512]; /* one line for people: what the server answered */
} weir_verdict;

typedef struct weir_http {
  uint32_t struct_size, reserved;
  /* [control] After prepare: where requests go. server is NULL, or one server of the file that the
   * option upstream names: a map of what that file says of it. */
  int32_t (*describe)(void *instance, const weir_node *server, weir_http_target *target,
                      weir_error *error);
  /* [any] Calls of one reply never overlap, those of different replies do. Opens the reading of
   * one request's reply. Without the three reply functions the host keeps replies of up to 8 MiB
   * and calls weir_output.interpret. */
  int32_t (*reply_open)(void *instance, uint32_t status, const weir_string *content_type,
                        uint32_t item_count, weir_outcomes *outcomes, void **reply,
                        weir_error *error);
  /* [any] The next bytes, in any pieces. WEIR_END: no more is needed. Below 0: the request
   * counts as failed. */
  int32_t (*reply_write)(void *reply, const uint8_t *bytes, uint64_t length, weir_error *error);
  /* [any] Once, whatever happened: ends and frees the reading. complete is 0 when the server did
   * not send all of it. The host has made the verdict WEIR_VERDICT_RETRY without a message. */
  int32_t (*reply_close)(void *reply, uint32_t complete, weir_verdict *verdict,
                         weir_error *error);
} weir_http;

/* ---- Host extensions: weir_host.extension(context, name) ----------------------------------- */
/* Why an item was not stored; the host copies it, within bounds. */
typedef struct weir_item_detail {
  uint32_t struct_size;
  uint32_t status;    /* of the item: 429, 400 */
  weir_string type;   /* what the server calls it: mapper_parsing_exception */
  weir_string reason; /* its sentence */
  weir_string place;  /* where it was to go */
} weir_item_detail;

/* "outcomes/1". [any] inside the calls of the reply. */
typedef struct weir_outcomes_host {
  uint32_t struct_size, reserved;
  /* WEIR_ITEM_... of one item; detail may be NULL. WEIR_E_ARGUMENT: there is no such item. */
  int32_t (*set)(weir_outcomes *outcomes, uint32_t item, uint32_t outcome,
                 const weir_item_detail *detail);
} weir_outcomes_host;

/* A rendered member `"key":value,` that goes first; left out where the record has that key. */
typedef struct weir_json_lead {
  const uint8_t *data;
  uint32_t length, key;
} weir_json_lead;

/* What goes around a record. */
typedef struct weir_json_item {
  uint32_t struct_size, lead_count;
  const weir_json_lead *leads;
  weir_string head, tail;
} weir_json_item;

#define WEIR_LEADS_MAX 4u
#define WEIR_JSON_REPLACE_DOTS 1u   /* . becomes _ in keys of every level */
#define WEIR_JSON_UNICODE_AS_SET 0u /* json.escape_unicode of the service decides */
#define WEIR_JSON_UNICODE_RAW 2u
#define WEIR_JSON_UNICODE_ESCAPED 4u
#define WEIR_JSON_NAN_NULL 8u /* NaN as null; else json.convert_nan_to_null decides */
typedef struct weir_json_writer weir_json_writer; /* for one lane */

/* "json/1": the host's writer of records. */
typedef struct weir_json_host {
  uint32_t struct_size, reserved;
  /* [control] style: WEIR_JSON_... */
  int32_t (*open)(weir_context *context, uint32_t style, weir_json_writer **writer);
  void (*close)(weir_json_writer *writer); /* [control] */
  /* [lane] inside encode: appends head, the record as a JSON object, tail. *end: the body's end,
   * as item_ends wants it. WEIR_NO_SPACE: nothing was appended. */
  int32_t (*append)(weir_json_writer *writer, const weir_batch *batch, uint32_t record,
                    const weir_json_item *item, weir_body *body, uint64_t *end);
  /* [lane] The body of a JSON string (no quotes) for any bytes; valid until the next call. */
  int32_t (*escape)(weir_json_writer *writer, const uint8_t *text, uint64_t length,
                    weir_string *escaped);
  /* [lane] inside encode: what this call has appended so far. */
  int32_t (*body_view)(const weir_body *body, weir_string *bytes);
} weir_json_host;

#define WEIR_ACCESSOR_MISSING 0xffu /* as a type: the record does not have it */
typedef struct weir_accessor weir_accessor; /* for one lane */

/* "accessor/1": the record accessor: text with $key['a'][0], $TAG, $TAG[1] in it. */
typedef struct weir_accessor_host {
  uint32_t struct_size, reserved;
  /* [control] */
  int32_t (*open)(weir_context *context, const uint8_t *text, uint64_t length,
                  weir_accessor **accessor, weir_error *error);
  void (*close)(weir_accessor *accessor); /* [control] */
  /* [lane] inside encode: the text with its accessors replaced; valid until the next call.
   * *complete is 0 when the record does not have all of it. */
  int32_t (*render)(weir_accessor *accessor, const weir_batch *batch, uint32_t record,
                    weir_string *text, uint32_t *complete);
  /* [lane] inside encode: the value that a single path names: its type (WEIR_TEXT for text however
   * it is kept, or WEIR_ACCESSOR_MISSING), and as render shows it. */
  int32_t (*value)(weir_accessor *accessor, const weir_batch *batch, uint32_t record,
                   uint32_t *type, weir_string *text);
} weir_accessor_host;

#ifdef __cplusplus
}
#endif
#endif
