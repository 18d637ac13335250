/* The sockets: two listeners, connections with their bytes, one epoll over all of them. */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 20, CONNECTIONS_MAX = 1024 };

typedef struct connection {
  int fd, is_control;
  buffer in, out;
  size_t sent;
  request request;
  int has_head, is_answering, closes, resets;
  /* Nothing is done before this time; 0 when nothing has to wait. */
  uint64_t wake_ms;
  uint32_t events;
  struct connection *next;
} connection;

typedef struct {
  server *server;
  int poll, listener, holder, control, port;
  connection *connections;
  size_t connection_count;
} loop;

uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A socket on a loopback port, 0 for any; the port is told back. Another one may share the port,
 * so that it stays ours while nobody listens. */
static int bound_socket(int *port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t count = sizeof a;
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&a, count) || getsockname(fd, (struct sockaddr *)&a, &count)) {
    return close(fd), -1;
  }
  *port = ntohs(a.sin_port);
  return fd;
}

static void watch(loop *l, int fd, void *who, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = who};
  epoll_ctl(l->poll, operation, fd, &event);
}

static int listen_again(loop *l) {
  l->listener = bound_socket(&l->port);
  if (l->listener < 0 || listen(l->listener, 128)) return 0;
  watch(l, l->listener, &l->listener, EPOLLIN, EPOLL_CTL_ADD);
  return 1;
}

/* Ends a connection; with `resets` the other side gets a reset instead of an end. */
static void end_connection(loop *l, connection *c) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  if (c->resets) {
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    l->server->counts.resets++;
  }
  close(c->fd);
  c->fd = -1;
  if (c->has_head && !c->is_control) l->server->counts.in_flight--;
  c->has_head = 0;
}

static void wanted_events(loop *l, connection *c) {
  if (c->fd < 0) return;
  uint32_t events = 0;
  if (!c->wake_ms) events = c->is_answering ? EPOLLOUT : EPOLLIN;
  if (events != c->events) watch(l, c->fd, c, events, EPOLL_CTL_MOD);
  c->events = events;
}

/* Puts the reply, and the faults that cut it short, into the connection's output. */
static void answer(loop *l, connection *c) {
  server *s = l->server;
  request *r = &c->request;
  request whole;
  /* The input may have moved since the head was read. */
  request_read(&c->in, &whole);
  whole.is_hit = r->is_hit;
  whole.body = (slice){c->in.bytes + whole.head_count, whole.body_count};
  *r = whole;
  reply out;
  int is_bulk = r->path.count >= 6 && memcmp(r->path.bytes + r->path.count - 6, "/_bulk", 6) == 0;
  if (c->is_control) control_answer(s, r, &out);
  else if (is_bulk) bulk_answer(s, r, &out);
  else other_answer(s, r, &out);
  c->out.count = 0;
  c->sent = 0;
  reply_render(s, r, &out, &c->out);
  c->closes = r->closes;
  if (r->is_hit && (s->faults.half_reply || s->faults.reset_reply)) {
    c->out.count -= out.body.count / 2 + 1;
    c->closes = 1;
    c->resets = s->faults.reset_reply != 0;
  }
  buffer_free(&out.body);
  buffer_take(&c->in, r->head_count + r->body_count);
  c->is_answering = 1;
  if (r->is_hit && s->faults.delay_ms) c->wake_ms = now_ms() + s->faults.delay_ms;
}

/* Reads the head once it is there; 0 when the connection is done with or has to wait. */
static int take_head(loop *l, connection *c) {
  server *s = l->server;
  if (!c->has_head) {
    int status = request_read(&c->in, &c->request);
    if (status < 0) end_connection(l, c);
    if (status <= 0) return 0;
    c->has_head = 1;
    if (c->is_control) return 1;
    if (++s->counts.in_flight > s->counts.in_flight_max) {
      s->counts.in_flight_max = s->counts.in_flight;
    }
    uint64_t every = s->faults.every ? s->faults.every : 1;
    c->request.is_hit = c->request.body_count > 0 && ++s->bulk_turn % every == 0;
    if (c->request.expects) {
      s->counts.expects++;
      if (write(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25) < 0) return end_connection(l, c), 0;
    }
  }
  size_t whole = c->request.head_count + c->request.body_count;
  if (c->request.is_hit && s->faults.reset_request && c->in.count * 2 >= whole) {
    c->resets = 1;
    return end_connection(l, c), 0;
  }
  return c->in.count >= whole;
}

static void send_some(loop *l, connection *c) {
  while (c->sent < c->out.count) {
    ssize_t n = send(c->fd, c->out.bytes + c->sent, c->out.count - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return end_connection(l, c);
    c->sent += (size_t)n;
  }
  if (c->closes) return end_connection(l, c);
  if (!c->is_control) l->server->counts.in_flight--;
  c->has_head = 0;
  c->is_answering = 0;
}

/* Goes on with whatever can be gone on with. */
static void advance(loop *l, connection *c) {
  while (c->fd >= 0 && !c->wake_ms) {
    if (!c->is_answering) {
      if (!take_head(l, c)) break;
      answer(l, c);
    } else {
      send_some(l, c);
      if (c->is_answering) break;
    }
  }
  wanted_events(l, c);
}

static void receive(loop *l, connection *c) {
  size_t room = 256 << 10;
  uint64_t rate = c->is_control ? 0 : l->server->faults.read_rate;
  if (c->has_head) {
    size_t whole = c->request.head_count + c->request.body_count;
    if (whole > c->in.count && whole - c->in.count > room) room = whole - c->in.count;
  }
  if (rate) {
    room = rate * TICK_MS / 1000 + 1;
    c->wake_ms = now_ms() + TICK_MS;
  }
  buffer_reserve(&c->in, room);
  ssize_t n = recv(c->fd, c->in.bytes + c->in.count, room, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return end_connection(l, c);
  c->in.count += (size_t)n;
  uint64_t wake = c->wake_ms;
  c->wake_ms = 0;
  advance(l, c);
  if (wake && c->fd >= 0 && !c->wake_ms) c->wake_ms = wake, wanted_events(l, c);
}

static void accept_all(loop *l, int listener, int is_control) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    connection *c = l->connection_count < CONNECTIONS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    c->is_control = is_control;
    c->events = EPOLLIN;
    c->next = l->connections;
    l->connections = c;
    l->connection_count++;
    if (!is_control) l->server->counts.connections++;
    watch(l, fd, c, EPOLLIN, EPOLL_CTL_ADD);
  }
}

/* Frees what has ended, wakes what has waited, and opens or closes the door. */
static int tidy(loop *l) {
  int waits = l->server->faults_end_ms != 0;
  faults_expire(l->server);
  if (l->server->faults.refuse && l->listener >= 0) {
    close(l->listener);
    l->listener = -1;
    for (connection *c = l->connections; c; c = c->next) {
      if (c->is_control || c->fd < 0) continue;
      /* What has been stored is still answered: an outage leaves nobody in doubt. */
      if (c->is_answering) c->closes = 1;
      else c->resets = c->in.count > 0, end_connection(l, c);
    }
  } else if (!l->server->faults.refuse && l->listener < 0 && !listen_again(l)) {
    perror("weir-faultserver");
  }
  for (connection **at = &l->connections; *at;) {
    connection *c = *at;
    if (c->fd < 0) {
      *at = c->next;
      l->connection_count--;
      buffer_free(&c->in);
      buffer_free(&c->out);
      free(c);
      continue;
    }
    if (c->wake_ms && now_ms() >= c->wake_ms) c->wake_ms = 0, advance(l, c);
    waits |= c->wake_ms != 0;
    at = &c->next;
  }
  return waits ? TICK_MS : 1000;
}

static int serve(loop *l) {
  struct epoll_event events[64];
  for (;;) {
    int count = epoll_wait(l->poll, events, 64, tidy(l));
    for (int i = 0; i < count; i++) {
      void *who = events[i].data.ptr;
      /* Standard input ends when whoever started this has ended. */
      if (who == NULL) {
        char bytes[64];
        if (read(STDIN_FILENO, bytes, sizeof bytes) <= 0) return 0;
      } else if (who == &l->listener) {
        if (l->listener >= 0) accept_all(l, l->listener, 0);
      } else if (who == &l->control) {
        accept_all(l, l->control, 1);
      } else {
        connection *c = who;
        if (c->fd < 0) continue;
        if (c->is_answering && !c->wake_ms) advance(l, c);
        else if (events[i].events & (EPOLLHUP | EPOLLERR)) end_connection(l, c);
        else receive(l, c);
      }
    }
  }
}

int server_run(server *s, int port, int control_port, int watches_input) {
  loop l = {.server = s, .port = port};
  l.poll = epoll_create1(EPOLL_CLOEXEC);
  l.holder = bound_socket(&l.port);
  l.control = bound_socket(&control_port);
  if (l.poll < 0 || l.holder < 0 || l.control < 0 || listen(l.control, 16) || !listen_again(&l)) {
    return perror("weir-faultserver"), 1;
  }
  watch(&l, l.control, &l.control, EPOLLIN, EPOLL_CTL_ADD);
  if (watches_input) watch(&l, STDIN_FILENO, NULL, EPOLLIN, EPOLL_CTL_ADD);
  printf("port %d control %d\n", l.port, control_port);
  fflush(stdout);
  int status = serve(&l);
  const counts *c = &s->counts;
  printf(
    "items %llu stored %llu requests %llu wire %llu body %llu\n", (unsigned long long)c->items,
    (unsigned long long)c->stored, (unsigned long long)c->requests,
    (unsigned long long)c->body_bytes, (unsigned long long)c->inflated_bytes);
  return status;
}
