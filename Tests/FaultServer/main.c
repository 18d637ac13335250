/* weir-faultserver [--port N] [--control N] [--sink] [--stay]
 *
 * Prints `port N control N` and serves until standard input ends; with --stay until it is killed.
 * --sink answers every document with 201 and keeps no count of lines: for benchmarks. */
#include "fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void other_answer(server *s, const request *r, reply *out) {
  (void)s;
  *out = (reply){.status = 200, .type = "application/json; charset=UTF-8"};
  if (r->path.count == 1) {
    buffer_text(&out->body, "{\"name\":\"node\",\"cluster_name\":\"test\",\"version\":{\"number\":"
      "\"7.10.2\"},\"tagline\":\"You Know, for Search\"}\n");
  } else {
    out->status = 404;
    buffer_text(&out->body, "{\"error\":\"no such path\",\"status\":404}\n");
  }
}

int main(int argc, char **argv) {
  static server s;
  int port = 0, control = 0, stays = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--sink") == 0) s.is_sink = 1;
    else if (strcmp(argv[i], "--stay") == 0) stays = 1;
    else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) port = atoi(argv[++i]);
    else if (strcmp(argv[i], "--control") == 0 && i + 1 < argc) control = atoi(argv[++i]);
    else return fputs("usage: weir-faultserver [--port N] [--control N] [--sink] [--stay]\n",
                      stderr), 2;
  }
  signal(SIGPIPE, SIG_IGN);
  return server_run(&s, port, control, !stays);
}
