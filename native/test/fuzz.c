/* A bounded fuzz run over all that reads foreign bytes: valid requests are mutated, by a generator whose seed may be given. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "request.h"
#include "status.h"

static uint64_t state;

static uint32_t random_below(uint32_t limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16) % limit;
}

/* A body with many kinds of fields, most of them right. */
static void make_body(struct buffer *body) {
  for (uint32_t i = random_below(12); i > 0; i--) {
    uint32_t tag = random_below(29);
    switch (random_below(4)) {
      case 0:
        add_number(body, tag, random_below(3));
        break;
      case 1:
        add_bytes(body, tag, "/some/path", 11);
        break;
      case 2:
        add_bytes(body, tag, "\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\3\0\0\0ab", 27);
        break;
      default:
        add_bytes(body, tag, "", 1);
    }
  }
}

static void mutate(struct buffer *body) {
  for (uint32_t i = random_below(4); i > 0 && body->len > 0; i--) {
    uint32_t at = random_below((uint32_t)body->len);
    if (random_below(3) == 0) body->len = at;
    else body->data[at] = (uint8_t)random_below(256);
  }
}

/* Exactly sized, so that one byte too far is seen. */
static void parse_all(const struct buffer *body) {
  uint8_t *copy = must_alloc(malloc(body->len + 1));
  memcpy(copy + 1, body->data ? body->data : (const uint8_t *)"", body->len);
  struct bytes bytes = {copy + 1, body->len};
  struct command_request command;
  struct netlink_request netlink;
  struct file_request files;
  struct file_operation operation;
  struct attributes_request attributes;
  struct datagrams_request datagrams;
  struct quota_request quota;
  struct quota_step step;
  struct shim_request shim;
  struct view_request view;
  if (parse_command(bytes, &command) == NULL && command.argv.items[command.argv.count] != NULL) abort();
  free_command(&command);
  parse_netlink(bytes, &netlink);
  free_netlink(&netlink);
  if (parse_files(bytes, &files) == NULL)
    for (size_t i = 0; i < files.operations.count; i++) parse_file_operation(files.operations.items[i], &operation);
  free_files(&files);
  parse_file_operation(bytes, &operation);
  if (parse_attributes(bytes, &attributes) == NULL && attributes.paths.count > 0 && attributes.paths.items[attributes.paths.count] != NULL) abort();
  free_attributes(&attributes);
  parse_datagrams(bytes, &datagrams);
  free_datagrams(&datagrams);
  if (parse_quota(bytes, &quota) == NULL)
    for (size_t i = 0; i < quota.steps.count; i++) parse_quota_step(quota.steps.items[i], &step);
  free_quota(&quota);
  if (parse_quota_step(bytes, &step) == NULL && step.kind == QUOTA_LIMIT && step.project == 0) abort();
  parse_shim(bytes, &shim);
  free_shim(&shim);
  if (parse_view(bytes, &view) == NULL && view.mounts.count != view.encoded.count) abort();
  free_view(&view);
  free(copy);
}

static void frames(const struct buffer *body) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) abort();
  struct inbox inbox = {.max_body = 4096};
  struct frame frame;
  send(fds[0], body->data, body->len, MSG_DONTWAIT);
  uint8_t header[HEADER_SIZE] = {(uint8_t)random_below(64)};
  send(fds[0], header, sizeof header, MSG_DONTWAIT);
  int more = 0;
  while (more >= 0 && inbox_fill(&inbox, fds[1]) > 0)
    while ((more = inbox_next(&inbox, &frame)) > 0)
      if (frame.body.len > 4096) abort();
  close(fds[0]);
  close(fds[1]);
  buffer_free(&inbox.bytes);
}

static void lines(struct log *log, struct line *line) {
  uint8_t data[600];
  uint32_t len = random_below(sizeof data);
  static const uint8_t telling[] = "\n\xe2\x80\xa8 \"\\x";
  for (uint32_t i = 0; i < len; i++) data[i] = random_below(8) == 0 ? (uint8_t)random_below(256) : telling[random_below(8)];
  log_write(log, line, "stdout", data, len, (struct timespec){0});
  if (random_below(50) == 0) log_finish(log, line, "stdout", (struct timespec){0});
  log_flush(log);
  char text[64];
  memcpy(text, data, sizeof text - 1);
  text[sizeof text - 1] = 0;
  if (len >= sizeof text) text_tells_oom(text);
}

int main(int argc, char **argv) {
  static struct log log;
  static struct line line;
  long runs = argc > 1 ? atol(argv[1]) : 100000;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) : 88172645463325252u;
  if (!log_open(&log, "/dev/null", 0, 1)) return 1;
  for (long i = 0; i < runs; i++) {
    struct buffer body = {0};
    make_body(&body);
    mutate(&body);
    parse_all(&body);
    if (i % 8 == 0) frames(&body);
    if (i % 4 == 0) lines(&log, &line);
    buffer_free(&body);
  }
  printf("%ld fuzz runs\n", runs);
  return 0;
}
