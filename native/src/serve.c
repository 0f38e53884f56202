#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "state.h"

static void send_frame(struct client *client, struct buffer *frame) {
  frame_end(frame);
  client_send(client, frame);
  buffer_free(frame);
}

static void reply(struct client *client, const struct frame *request, int error) {
  struct buffer frame = {0};
  frame_begin(&frame, request->type, request->id);
  add_number(&frame, F_ERRNO, (uint64_t)error);
  send_frame(client, &frame);
}

static void add_state(const struct shim *self, struct buffer *frame) {
  add_number(frame, F_PHASE, self->phase);
  add_number(frame, F_PID, (uint64_t)self->process);
  add_number(frame, F_SHIM_PID, (uint64_t)getpid());
  add_number(frame, F_STARTED, (uint64_t)self->started_ms);
  add_bytes(frame, F_MEMO, self->request.memo.data, self->request.memo.len);
  add_number(frame, F_MOUNT_US, self->timings.mount_us);
  add_number(frame, F_NETWORK_US, self->timings.network_us);
  add_number(frame, F_RUNTIME_US, self->timings.runtime_us);
}

static void add_exit(const struct shim *self, struct buffer *frame) {
  add_number(frame, F_CODE, (uint64_t)self->exit.code);
  add_number(frame, F_FINISHED, (uint64_t)self->exit.finished_ms);
  add_number(frame, F_OOM, self->exit.oom);
}

static void tell(struct shim *self, struct client *client, uint32_t type) {
  struct buffer frame = {0};
  frame_begin(&frame, type, 0);
  if (type == STATE) add_state(self, &frame);
  if (type == EXITED) add_exit(self, &frame);
  send_frame(client, &frame);
}

void tell_all(struct shim *self, uint32_t type) {
  for (struct client *client = self->clients; client != NULL; client = client->next) tell(self, client, type);
}

void tell_started(struct shim *self, const struct buffer *failure, int status) {
  if (self->starter == NULL) return;
  struct buffer frame = {0};
  frame_begin(&frame, START, self->start_id);
  add_number(&frame, F_ERRNO, self->failed ? ECHILD : 0);
  if (self->failed) add_bytes(&frame, F_TEXT, failure->data, failure->len);
  if (self->failed) add_number(&frame, F_STATUS, (uint64_t)(uint32_t)status);
  else add_state(self, &frame);
  send_frame(self->starter, &frame);
  self->starter = NULL;
}

void serve_accept(struct shim *self) {
  int fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  size_t count = 0;
  for (struct client *client = self->clients; client != NULL; client = client->next) count++;
  if (count >= MAX_CLIENTS) {
    close(fd);
    return;
  }
  struct client *client = client_new(fd, self->request.spill_dir ? self->request.spill_dir : ".", self->request.spill_limit);
  client->next = self->clients;
  self->clients = client;
  tell(self, client, STATE);
  if (self->phase >= DELETING) tell(self, client, EXITED);
}

/* The number field `tag` of a request, or `missing`. */
static uint64_t number(struct bytes body, uint32_t tag, uint64_t missing) {
  uint32_t found;
  struct bytes value;
  while (next_field(&body, &found, &value) > 0)
    if (found == tag && value.len == 8) return get_u64(value.data);
  return missing;
}

/* The text field `tag` of a request, or NULL. */
static const char *text(struct bytes body, uint32_t tag) {
  uint32_t found;
  struct bytes value;
  while (next_field(&body, &found, &value) > 0)
    if (found == tag && value.len > 0 && memchr(value.data, 0, value.len) == value.data + value.len - 1) return (const char *)value.data;
  return NULL;
}

static int replace_log(const struct shim *self, const struct frame *frame) {
  const char *from = text(frame->body, 2);
  if (from == NULL) return EINVAL;
  return self->log == NULL ? ENOENT : logger_replace(self->log, number(frame->body, 1, 0), from);
}

static int send_signal(const struct shim *self, const struct frame *frame) {
  uint64_t signal = number(frame->body, 1, 0);
  if (signal < 1 || signal >= (uint64_t)_NSIG) return EINVAL;
  /* Not reaped yet, so the pid is still its own. */
  if (self->phase != RUNNING) return ESRCH;
  return kill(self->process, (int)signal) < 0 ? errno : 0;
}

static int resize(struct shim *self, const struct frame *frame) {
  uint64_t columns = number(frame->body, 1, 0), rows = number(frame->body, 2, 0);
  if (columns > 65535 || rows > 65535 || !self->request.terminal) return EINVAL;
  self->request.columns = columns;
  self->request.rows = rows;
  if (self->terminal < 0) return self->phase < RUNNING ? 0 : ESRCH;
  struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
  return ioctl(self->terminal, TIOCSWINSZ, &size) < 0 ? errno : 0;
}

static void attach(struct shim *self, struct client *client, const struct frame *frame) {
  client->attached = true;
  client->sends_stdin = number(frame->body, 1, 0) != 0 && self->request.open_stdin;
  client->wants[0] = number(frame->body, 2, 0) != 0;
  client->wants[1] = number(frame->body, 3, 0) != 0;
  reply(client, frame, 0);
}

static void take_input(struct shim *self, struct client *client, const struct frame *frame) {
  if (!client->sends_stdin) return client_drop(client);
  if (self->phase == RUNNING && !self->input_ends) buffer_append(&self->input, frame->body.data, frame->body.len);
}

/* With stdinOnce, the first client that sends input ends it: by saying so, or by going. */
static void end_input(struct shim *self, struct client *client) {
  if (client->sends_stdin && self->request.stdin_once) self->input_ends = true;
  client->sends_stdin = false;
  if (self->phase == RUNNING) shim_feed(self);
}

static void serve(struct shim *self, struct client *client, const struct frame *frame) {
  switch (frame->type) {
    case START:
      if (self->phase != PREPARED) return reply(client, frame, EALREADY);
      self->starter = client;
      self->start_id = frame->id;
      return shim_start(self);
    case KILL:
      return reply(client, frame, send_signal(self, frame));
    case RESIZE:
      return reply(client, frame, resize(self, frame));
    case ATTACH:
      return attach(self, client, frame);
    case STDIN:
      return take_input(self, client, frame);
    case STDIN_END:
      return end_input(self, client);
    case LOG_CLEAR:
      return reply(client, frame, self->log == NULL ? ENOENT : logger_clear(self->log));
    case LOG_REPLACE:
      return reply(client, frame, replace_log(self, frame));
    case LEAVE:
      if (self->phase == PREPARED) shim_leave(self);
      return reply(client, frame, EALREADY);
    default:
      return client_drop(client);
  }
}

/* Input waits in its connection until the process has taken what came before. */
bool serve_wants(const struct shim *self, const struct client *client) {
  return !client->sends_stdin || (self->phase >= RUNNING && self->input.len == 0);
}

void serve_inbox(struct shim *self, struct client *client) {
  struct frame frame;
  int state = 0;
  while (client->fd >= 0 && serve_wants(self, client) && (state = inbox_next(&client->inbox, &frame)) > 0)
    serve(self, client, &frame);
  if (state < 0) client_drop(client);
}

void serve_client(struct shim *self, struct client *client) {
  serve_inbox(self, client);
  if (client->fd < 0 || !serve_wants(self, client)) return;
  if (inbox_fill(&client->inbox, client->fd) < 0) return client_drop(client);
  serve_inbox(self, client);
}

void serve_sweep(struct shim *self) {
  for (struct client **at = &self->clients; *at != NULL;) {
    struct client *client = *at;
    if (client->fd >= 0) {
      at = &client->next;
      continue;
    }
    end_input(self, client);
    if (self->starter == client) self->starter = NULL;
    *at = client->next;
    client_free(client);
  }
}
