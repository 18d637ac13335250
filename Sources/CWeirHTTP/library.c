#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "weir_http.h"

/* The header turns some of these names into macros that check types. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define EACH_FUNCTION(X)                                                                         \
  X(curl_global_init) X(curl_version_info) X(curl_easy_init) X(curl_easy_reset)                  \
  X(curl_easy_cleanup) X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_strerror)            \
  X(curl_slist_append) X(curl_slist_free_all) X(curl_multi_init) X(curl_multi_cleanup)           \
  X(curl_multi_setopt) X(curl_multi_add_handle) X(curl_multi_remove_handle)                      \
  X(curl_multi_perform) X(curl_multi_poll) X(curl_multi_wakeup) X(curl_multi_info_read)

#define MEMBER(name) __typeof__(&name) name;

static struct {
  EACH_FUNCTION(MEMBER)
  unsigned version;
} curl;

/* curl_multi_poll and curl_multi_wakeup as they are used here. */
#define OLDEST CURL_VERSION_BITS(7, 68, 0)

static char problem[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* At exit, OpenSSL takes its tables away, even from a transport thread in the middle of a
 * handshake: one exit in twenty crashed. The system takes the memory back in any case. */
static void keep_openssl(void *library) {
  int (*init)(uint64_t, const void *);
  *(void **)&init = dlsym(library, "OPENSSL_init_crypto");
  const uint64_t no_atexit = 0x00080000; /* OPENSSL_INIT_NO_ATEXIT */
  if (init != NULL) init(no_atexit, NULL);
}

static void load(void) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    snprintf(problem, sizeof problem,
             "libcurl.so.4 is missing, install the package libcurl4 (%s)", dlerror());
    return;
  }
#define FIND(name)                                                                               \
  *(void **)&curl.name = dlsym(library, #name);                                                  \
  if (curl.name == NULL) {                                                                       \
    snprintf(problem, sizeof problem, "libcurl.so.4 is too old: it has no %s", #name);           \
    return;                                                                                      \
  }
  EACH_FUNCTION(FIND)
  keep_openssl(library);
  if (curl.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    snprintf(problem, sizeof problem, "libcurl.so.4 does not start");
    return;
  }
  const curl_version_info_data *about = curl.curl_version_info(CURLVERSION_NOW);
  curl.version = about->version_num;
  if (curl.version < OLDEST) {
    snprintf(problem, sizeof problem, "libcurl.so.4 is too old: %s, needed is 7.68",
             about->version);
  } else if ((about->features & CURL_VERSION_ASYNCHDNS) == 0) {
    snprintf(problem, sizeof problem, "libcurl.so.4 was built to wait for names");
  }
}

const char *weir_curl_load(void) {
  pthread_once(&once, load);
  return problem[0] == 0 ? NULL : problem;
}

unsigned weir_curl_version(void) { return curl.version; }

CURL *weir_curl_open(void) { return curl.curl_easy_init(); }
void weir_curl_reset(CURL *easy) { curl.curl_easy_reset(easy); }
void weir_curl_close(CURL *easy) { curl.curl_easy_cleanup(easy); }

CURLcode weir_curl_set_number(CURL *easy, CURLoption option, long value) {
  return curl.curl_easy_setopt(easy, option, value);
}

CURLcode weir_curl_set_size(CURL *easy, CURLoption option, curl_off_t value) {
  return curl.curl_easy_setopt(easy, option, value);
}

CURLcode weir_curl_set_text(CURL *easy, CURLoption option, const char *value) {
  return curl.curl_easy_setopt(easy, option, value);
}

CURLcode weir_curl_set_pointer(CURL *easy, CURLoption option, const void *value) {
  return curl.curl_easy_setopt(easy, option, value);
}

CURLcode weir_curl_set_protocols(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  if (curl.version >= CURL_VERSION_BITS(7, 85, 0)) {
    CURLcode code = curl.curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code != CURLE_OK) return code;
    return curl.curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  }
#endif
  /* CURLOPT_PROTOCOLS and CURLOPT_REDIR_PROTOCOLS, which newer headers warn about. */
  long allowed = CURLPROTO_HTTP | CURLPROTO_HTTPS;
  CURLcode code = curl.curl_easy_setopt(easy, (CURLoption)(CURLOPTTYPE_LONG + 181), allowed);
  if (code != CURLE_OK) return code;
  return curl.curl_easy_setopt(easy, (CURLoption)(CURLOPTTYPE_LONG + 182), allowed);
}

void weir_curl_set_quick_exit(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
  curl.curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
  (void)easy;
#endif
}

void weir_curl_set_fresh_authorities(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
  curl.curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#else
  (void)easy;
#endif
}

CURLcode weir_curl_set_sinks(CURL *easy, weir_curl_sink header, weir_curl_sink body,
                             void *context) {
  curl.curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
  curl.curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
  curl.curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body);
  curl.curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
  return curl.curl_easy_setopt(easy, CURLOPT_PRIVATE, context);
}

/* `TLSv1.3 (IN), TLS alert, certificate required (628):` leaves `certificate required`. */
static void note_alert(struct weir_http_notes *notes, const char *text, size_t count) {
  static const char mark[] = "TLS alert, ";
  const char *found = memmem(text, count, mark, sizeof mark - 1);
  if (found == NULL || memmem(text, count, "(IN)", 4) == NULL) return;
  found += sizeof mark - 1;
  size_t length = (size_t)(text + count - found);
  const char *end = memchr(found, '(', length);
  if (end != NULL) length = (size_t)(end - found);
  while (length > 0 && (found[length - 1] == ' ' || found[length - 1] == '\n')) length--;
  if (length >= sizeof notes->alert) length = sizeof notes->alert - 1;
  if (length == 12 && memcmp(found, "close notify", 12) == 0) return;
  memcpy(notes->alert, found, length);
  notes->alert[length] = 0;
}

static int note(CURL *easy, curl_infotype type, char *data, size_t count, void *context) {
  (void)easy;
  struct weir_http_notes *notes = context;
  if (type != CURLINFO_TEXT) return 0;
  if (notes->tell != NULL) notes->tell(data, count);
  if (memmem(data, count, "Request CERT", 12) != NULL) notes->certificate_asked = 1;
  note_alert(notes, data, count);
  return 0;
}

CURLcode weir_curl_set_notes(CURL *easy, struct weir_http_notes *notes) {
  curl.curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, note);
  curl.curl_easy_setopt(easy, CURLOPT_DEBUGDATA, notes);
  return curl.curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}

static void set_probe(int fd, int option, int value) {
  if (value >= 0) setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}

static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)purpose;
  const struct weir_http_probes *probes = context;
  /* libcurl leaves SOCK_CLOEXEC out: processes started meanwhile would hold connections open. */
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  if (probes->wanted) {
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    set_probe(fd, TCP_KEEPIDLE, probes->idle_seconds);
    set_probe(fd, TCP_KEEPINTVL, probes->interval_seconds);
    set_probe(fd, TCP_KEEPCNT, probes->count);
  }
  return fd;
}

enum { LAST_WORDS_MAX = 4, LAST_WORDS_BYTES = 4096 };

/* Of the connections that were closed since the last call of `weir_curl_forget_last_words`. A pool
   is one thread's, and so are the words of its connections. */
static _Thread_local struct {
  unsigned next;
  struct {
    int port;
    size_t count;
    unsigned char bytes[LAST_WORDS_BYTES];
  } of[LAST_WORDS_MAX];
} last_words;

static int local_port(int fd) {
  struct sockaddr_storage address;
  socklen_t count = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &count) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
  return 0;
}

static int close_socket(void *context, curl_socket_t fd) {
  (void)context;
  unsigned slot = last_words.next % LAST_WORDS_MAX;
  ssize_t count = recv(fd, last_words.of[slot].bytes, LAST_WORDS_BYTES, MSG_DONTWAIT);
  if (count > 0) {
    last_words.of[slot].port = local_port(fd);
    last_words.of[slot].count = (size_t)count;
    last_words.next++;
  }
  return close(fd);
}

const void *weir_curl_last_words(long port, size_t *count) {
  for (unsigned i = 0; i < LAST_WORDS_MAX; i++) {
    if (last_words.of[i].count == 0 || last_words.of[i].port != port) continue;
    *count = last_words.of[i].count;
    return last_words.of[i].bytes;
  }
  return NULL;
}

void weir_curl_forget_last_words(void) {
  for (unsigned i = 0; i < LAST_WORDS_MAX; i++) last_words.of[i].count = 0;
}

CURLcode weir_curl_set_socket(CURL *easy, struct weir_http_probes *probes) {
  curl.curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  curl.curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probes);
  return curl.curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
}

long weir_curl_info_number(CURL *easy, CURLINFO info) {
  long value = 0;
  return curl.curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

curl_off_t weir_curl_info_size(CURL *easy, CURLINFO info) {
  curl_off_t value = 0;
  return curl.curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

void *weir_curl_context(CURL *easy) {
  void *value = NULL;
  curl.curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value);
  return value;
}

const char *weir_curl_error_text(CURLcode code) { return curl.curl_easy_strerror(code); }

struct curl_slist *weir_curl_append(struct curl_slist *list, const char *text) {
  struct curl_slist *longer = curl.curl_slist_append(list, text);
  if (longer == NULL) curl.curl_slist_free_all(list);
  return longer;
}

void weir_curl_free_list(struct curl_slist *list) { curl.curl_slist_free_all(list); }

CURLM *weir_curl_pool_open(long connections) {
  CURLM *pool = curl.curl_multi_init();
  if (pool != NULL) curl.curl_multi_setopt(pool, CURLMOPT_MAXCONNECTS, connections);
  return pool;
}

void weir_curl_pool_close(CURLM *pool) { curl.curl_multi_cleanup(pool); }

CURLMcode weir_curl_pool_add(CURLM *pool, CURL *easy) {
  return curl.curl_multi_add_handle(pool, easy);
}

void weir_curl_pool_remove(CURLM *pool, CURL *easy) { curl.curl_multi_remove_handle(pool, easy); }

int weir_curl_pool_perform(CURLM *pool) {
  int running = 0;
  curl.curl_multi_perform(pool, &running);
  return running;
}

void weir_curl_pool_wait(CURLM *pool, int milliseconds) {
  int ready = 0;
  if (curl.curl_multi_poll(pool, NULL, 0, milliseconds, &ready) != CURLM_OK) {
    /* Out of memory or descriptors: do not spin until there are some again. */
    usleep(10000);
  }
}

void weir_curl_pool_wake(CURLM *pool) { curl.curl_multi_wakeup(pool); }

CURL *weir_curl_pool_ended(CURLM *pool, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = curl.curl_multi_info_read(pool, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    *result = message->data.result;
    return message->easy_handle;
  }
  return NULL;
}
