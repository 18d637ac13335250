/* libcurl behind a narrow door: compiled against its header, found with dlopen at the first use.
 * A process that makes no request never maps it and the thirty libraries that it brings. */
#ifndef WEIR_HTTP_H
#define WEIR_HTTP_H

#include <curl/curl.h>
#include <stddef.h>

/* Loads and initialises libcurl once. NULL when it is there, else a sentence about what is wrong;
 * the answer never changes in a process. Nothing below may be called before it was NULL. */
const char *weir_curl_load(void);

/* The version of the library in use, as CURL_VERSION_BITS counts. */
unsigned weir_curl_version(void);

CURL *weir_curl_open(void);
void weir_curl_reset(CURL *easy);
void weir_curl_close(CURL *easy);

/* curl_easy_setopt(3) is variadic: one function for each kind of argument. */
CURLcode weir_curl_set_number(CURL *easy, CURLoption option, long value);
CURLcode weir_curl_set_size(CURL *easy, CURLoption option, curl_off_t value);
CURLcode weir_curl_set_text(CURL *easy, CURLoption option, const char *value);
CURLcode weir_curl_set_pointer(CURL *easy, CURLoption option, const void *value);

/* Allows http and https only, by the option that this version of the library has. */
CURLcode weir_curl_set_protocols(CURL *easy);

/* A transfer can end without waiting for the look-up of its name. Before 7.87 it waits. */
void weir_curl_set_quick_exit(CURL *easy);

/* Authorities are read anew for each connection. Before 7.87 they always are. */
void weir_curl_set_fresh_authorities(CURL *easy);

typedef size_t (*weir_curl_sink)(char *data, size_t size, size_t count, void *context);

/* Where header lines and the body go. */
CURLcode weir_curl_set_sinks(CURL *easy, weir_curl_sink header, weir_curl_sink body,
                             void *context);

/* What is noticed while a connection is made. */
struct weir_http_notes {
  int certificate_asked; /* the server asked for a client certificate */
  char alert[80];        /* the last TLS alert that the server sent, except "close notify" */
  void (*tell)(const char *text, size_t count); /* takes every line of it; NULL for nobody */
};

/* Fills `notes`, which lives until the transfer has ended. */
CURLcode weir_curl_set_notes(CURL *easy, struct weir_http_notes *notes);

/* Probes of TCP; a negative number leaves the system's. */
struct weir_http_probes {
  int wanted, idle_seconds, interval_seconds, count;
};

/* How sockets are opened, and closed: what nobody has read of them is kept for a moment. `probes`
   lives until the transfer has ended. */
CURLcode weir_curl_set_socket(CURL *easy, struct weir_http_probes *probes);

/* What a connection from this local port had received and nobody has read, when it was closed on
   this thread since the last `weir_curl_forget_last_words`; NULL for nothing. A server that refuses
   a body answers and resets the connection, and libcurl may find out by sending. */
const void *weir_curl_last_words(long port, size_t *count);
void weir_curl_forget_last_words(void);

/* 0 for what the library does not know. */
long weir_curl_info_number(CURL *easy, CURLINFO info);
curl_off_t weir_curl_info_size(CURL *easy, CURLINFO info);
void *weir_curl_context(CURL *easy);

const char *weir_curl_error_text(CURLcode code);

/* Appends a copy of `text`; NULL when memory is out, and then the list is freed. */
struct curl_slist *weir_curl_append(struct curl_slist *list, const char *text);
void weir_curl_free_list(struct curl_slist *list);

/* A pool of at most `connections` that wait to be used again. */
CURLM *weir_curl_pool_open(long connections);
void weir_curl_pool_close(CURLM *pool);
CURLMcode weir_curl_pool_add(CURLM *pool, CURL *easy);
void weir_curl_pool_remove(CURLM *pool, CURL *easy);

/* Moves every transfer as far as it goes without waiting; the number of those under way. */
int weir_curl_pool_perform(CURLM *pool);

/* Waits until a transfer can go on, weir_curl_pool_wake is called, or the time is over. */
void weir_curl_pool_wait(CURLM *pool, int milliseconds);

/* Ends the wait, or the next one. Any thread. */
void weir_curl_pool_wake(CURLM *pool);

/* The next transfer that has ended, or NULL. */
CURL *weir_curl_pool_ended(CURLM *pool, CURLcode *result);

#endif
