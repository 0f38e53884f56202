#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "state.h"

enum { ORPHAN_MS = 5000, DRAIN_MS = 100, CHUNK = 65536, FAILURE_TEXT = 16384, FIXED_FDS = 7 };

static uint8_t chunk[CHUNK];

/* ---- starting ---- */

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

void shim_start(struct shim *self) {
  self->phase = STARTING;
  self->runtime_began = clock_us();
  unlink(PID_FILE);
  self->runtime = program_start(&self->request, &self->streams, &self->console);
  if (self->runtime >= 0) return;
  self->failed = true;
  struct buffer text = {0};
  buffer_append(&text, "cannot fork", 11);
  tell_started(self, &text, 0);
  shim_leave(self);
}

/* Zombies of the container's pid namespace would hold up its end until the host's init reaps them: none are left to it. */
static void reap_all(const struct shim *self) {
  struct pollfd ended = {.fd = self->children, .events = POLLIN};
  struct signalfd_siginfo info;
  pid_t pid = 0;
  for (int64_t deadline = now_ms() + DRAIN_MS; pid >= 0 && now_ms() < deadline;) {
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) continue;
    if (pid == 0 && poll(&ended, 1, 10) > 0 && read(self->children, &info, sizeof info) < 0) continue;
  }
}

static void take_terminal(struct shim *self) {
  if (self->console < 0 || self->terminal >= 0) return;
  self->terminal = program_take_terminal(self->console, &self->request);
  if (self->terminal < 0) return;
  close_fd(&self->console);
  unlink(CONSOLE_SOCKET);
}

static void remove_container(struct shim *self) {
  self->phase = DELETING;
  self->runtime = self->request.delete_argv.count > 0 ? program_delete(&self->request) : -1;
}

/* What the runtime said goes to whoever asked for the start. It is told once nothing is left. */
static _Noreturn void fail_start(struct shim *self, int status) {
  struct buffer text = {0};
  self->failed = true;
  read_all(self->streams.err, &text, FAILURE_TEXT);
  remove_container(self);
  if (self->runtime > 0) waitpid(self->runtime, NULL, 0);
  reap_all(self);
  leave_namespaces(&self->request);
  tell_started(self, &text, status);
  shim_leave(self);
}

static void runtime_started(struct shim *self, int status) {
  self->timings.runtime_us = clock_us() - self->runtime_began;
  self->runtime = -1;
  self->process = status == 0 ? program_read_pid() : -1;
  take_terminal(self);
  if (self->process < 0 || (self->request.terminal && self->terminal < 0)) fail_start(self, status);
  self->started_ms = wall_clock_ms();
  self->phase = RUNNING;
  if (self->request.terminal) {
    close_fd(&self->streams.err);
    self->streams.out = self->terminal;
    self->streams.in = self->terminal;
  }
  tell_started(self, NULL, 0);
}

/* ---- running ---- */

static void end_stream(struct shim *self, int stream, int *fd) {
  if (self->log != NULL) logger_end(self->log, stream);
  if (self->request.terminal) self->terminal = self->streams.in = -1;
  close_fd(fd);
}

/* Moves what is there to the log and to the clients. False where nothing was. */
static bool pump(struct shim *self, int stream) {
  int *fd = stream == 0 ? &self->streams.out : &self->streams.err;
  if (*fd < 0) return false;
  ssize_t got = read(*fd, chunk, sizeof chunk);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) { /* a terminal says EIO once nobody has it open */
    end_stream(self, stream, fd);
    return false;
  }
  if (self->log != NULL) logger_write(self->log, stream, chunk, (size_t)got);
  for (struct client *client = self->clients; client != NULL; client = client->next)
    client_output(client, stream, chunk, (size_t)got);
  return true;
}

void shim_feed(struct shim *self) {
  while (self->streams.in >= 0 && self->input_at < self->input.len) {
    ssize_t put = write(self->streams.in, self->input.data + self->input_at, self->input.len - self->input_at);
    if (put < 0 && errno == EAGAIN) return;
    if (put < 0 && errno != EINTR) self->input_at = self->input.len; /* it reads no more */
    if (put > 0) self->input_at += (size_t)put;
  }
  buffer_free(&self->input);
  self->input_at = 0;
  if (self->input_ends && !self->request.terminal) close_fd(&self->streams.in);
}

/* ---- ending ---- */

static void process_ended(struct shim *self, int status) {
  self->phase = DRAINING;
  self->deadline = now_ms() + DRAIN_MS;
  self->exit.finished_ms = wall_clock_ms();
  self->exit.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Its own output is all in the pipes by now. Processes that it left behind may hold them open: they are not waited for. */
static void drain(struct shim *self) {
  while ((pump(self, 0) | pump(self, 1)) && now_ms() < self->deadline) continue;
  if ((self->streams.out >= 0 || self->streams.err >= 0) && now_ms() < self->deadline) return;
  if (self->streams.out >= 0) end_stream(self, 0, &self->streams.out);
  if (self->streams.err >= 0) end_stream(self, 1, &self->streams.err);
  close_fd(&self->streams.in);
  buffer_free(&self->input);
  if (self->log != NULL) logger_close(self->log);
  self->exit.oom = oom_killed(self->request.oom_file);
  status_write(&self->exit);
  tell_all(self, EXITED);
  remove_container(self);
}

static void let_go(struct shim *self) {
  self->phase = GONE;
  leave_namespaces(&self->request);
  unlink("shim.sock");
  close_fd(&self->listener);
  tell_all(self, RELEASED);
}

_Noreturn void shim_leave(struct shim *self) {
  reap_all(self);
  if (self->listener >= 0) unlink("shim.sock");
  if (self->phase != GONE) tell_all(self, RELEASED);
  _exit(0);
}

/* While the runtime starts, only its own end is looked at: the process's must wait until its pid is known. */
static void reap(struct shim *self) {
  struct signalfd_siginfo info;
  while (read(self->children, &info, sizeof info) > 0) continue;
  int status;
  if (self->phase == STARTING && waitpid(self->runtime, &status, WNOHANG) == self->runtime) runtime_started(self, status);
  if (self->phase == STARTING) return;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == self->process && self->phase == RUNNING) process_ended(self, status);
    if (pid == self->runtime && self->phase == DELETING) self->runtime = -1;
  }
}

/* ---- the loop ---- */

static bool is_orphan(const struct shim *self) {
  return self->phase == PREPARED && self->clients == NULL && now_ms() >= self->deadline;
}

static int patience(const struct shim *self) {
  if (self->phase == DRAINING) return 10;
  if (self->phase != PREPARED || self->clients != NULL) return -1;
  int64_t left = self->deadline - now_ms();
  return left < 0 ? 0 : (int)left;
}

static struct pollfd wait_for(int fd, short events) {
  return (struct pollfd){.fd = events == 0 ? -1 : fd, .events = events};
}

static size_t poll_all(struct shim *self, struct pollfd *fds) {
  bool reading = self->phase >= RUNNING;
  fds[0] = wait_for(self->listener, POLLIN);
  fds[1] = wait_for(self->children, POLLIN);
  fds[2] = wait_for(self->phase == STARTING ? self->console : -1, POLLIN);
  fds[3] = wait_for(reading ? self->streams.out : -1, POLLIN);
  fds[4] = wait_for(reading ? self->streams.err : -1, POLLIN);
  fds[5] = wait_for(self->input.len > 0 ? self->streams.in : -1, POLLOUT);
  size_t count = 6;
  for (struct client *client = self->clients; client != NULL; client = client->next)
    fds[count++] = wait_for(client->fd, (short)((serve_wants(self, client) ? POLLIN : 0) | (queue_empty(&client->queue) ? 0 : POLLOUT)));
  poll(fds, count, patience(self));
  return count;
}

static void turn(struct shim *self) {
  static struct pollfd fds[FIXED_FDS + MAX_CLIENTS];
  poll_all(self, fds);
  size_t at = 6;
  struct client *next;
  for (struct client *client = self->clients; client != NULL; client = next, at++) {
    next = client->next;
    if (fds[at].revents & POLLOUT && !queue_send(&client->queue, client->fd)) client_drop(client);
    if (fds[at].revents & (POLLIN | POLLHUP | POLLERR) && client->fd >= 0) serve_client(self, client);
  }
  if (fds[2].revents != 0) take_terminal(self);
  if (fds[1].revents != 0) reap(self);
  if (fds[3].revents != 0) pump(self, 0);
  if (fds[4].revents != 0) pump(self, 1);
  if (self->log != NULL) logger_flush(self->log);
  if (self->phase == RUNNING) shim_feed(self);
  if (self->phase == DRAINING) drain(self);
  if (self->phase == DELETING && self->runtime < 0) let_go(self);
  if (fds[0].revents != 0 && self->listener >= 0) serve_accept(self);
  for (struct client *client = self->clients; client != NULL; client = client->next) serve_inbox(self, client);
  serve_sweep(self);
}

static bool finished(const struct shim *self) {
  if (self->phase != GONE) return is_orphan(self);
  for (struct client *client = self->clients; client != NULL; client = client->next)
    if (!queue_empty(&client->queue)) return false;
  return true;
}

/* ---- set-up ---- */

static const char *write_pid(void) {
  char text[32];
  int len = snprintf(text, sizeof text, "%d\n", getpid());
  int fd = open("pid", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return "pid file";
  ssize_t put = write(fd, text, (size_t)len);
  close(fd);
  return put == len ? NULL : "pid file";
}

static const char *enter_directory(const char *path) {
  if (mkdir(path, 0700) < 0 && errno != EEXIST) return "shim directory";
  if (chdir(path) < 0) return "shim directory";
  unlink("exit");
  return write_pid();
}

static const char *listen_here(struct shim *self) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "shim.sock"};
  unlink(address.sun_path);
  self->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self->listener < 0 || bind(self->listener, (struct sockaddr *)&address, sizeof address) < 0) return "shim socket";
  return listen(self->listener, 64) < 0 ? "shim socket" : NULL;
}

static const char *set_signals(struct shim *self) {
  int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  sigset_t chld;
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, NULL);
  self->children = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
  return self->children < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? "signals" : NULL;
}

static const char *keep_host_network(void) {
  int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int result = fd < 0 ? -1 : dup3(fd, HOST_NETNS_FD, O_CLOEXEC);
  if (fd >= 0 && fd != HOST_NETNS_FD) close(fd);
  return result < 0 ? "host network namespace" : NULL;
}

static const char *open_log(struct shim *self) {
  static struct logger logger;
  const struct shim_request *request = &self->request;
  if (request->log_path == NULL) return NULL;
  self->log = &logger;
  logger.log.attributes = request->log_attributes;
  bool opened = logger_open(&logger, request->log_path, request->log_max_size, request->log_max_files, request->log_buffer);
  return opened ? NULL : "log file";
}

static const char *set_up(struct shim *self) {
  const char *failed = enter_directory(self->request.dir);
  if (failed == NULL) failed = set_signals(self);
  if (failed == NULL) failed = keep_host_network();
  if (failed == NULL) failed = enter_namespaces(&self->request, &self->timings);
  if (failed == NULL) failed = open_log(self);
  return failed == NULL ? listen_here(self) : failed;
}

static int report(const char *failed) {
  uint8_t code[4];
  put_u32(code, (uint32_t)errno);
  send_all(READY_FD, code, sizeof code);
  send_all(READY_FD, failed, strlen(failed));
  return 1;
}

int shim_main(void) {
  static struct shim self = {.phase = PREPARED, .listener = -1, .console = -1, .terminal = -1, .streams = {-1, -1, -1}, .runtime = -1};
  struct buffer body = {0};
  umask(077);
  fcntl(READY_FD, F_SETFD, FD_CLOEXEC);
  if (!read_all(REQUEST_FD, &body, SIZE_MAX)) return report("request");
  close(REQUEST_FD);
  errno = EBADMSG;
  const char *failed = parse_shim((struct bytes){body.data, body.len}, &self.request);
  if (failed == NULL) failed = set_up(&self);
  if (failed != NULL) return report(failed);
  close(READY_FD);
  self.deadline = now_ms() + ORPHAN_MS;
  while (!finished(&self)) turn(&self);
  shim_leave(&self);
}
