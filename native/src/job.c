#define _GNU_SOURCE
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "shim.h"
#include "steps.h"
#include "view.h"

enum { MAX_STEP_REPLY = 16 << 20 };
/* Fields of replies. Those of netlink and file jobs are in steps.h. */
enum { STATUS = 1, TIMED_OUT = 2, STDOUT = 3, STDERR = 4, PID = 5, FAIL_ERRNO = 6, FAIL_TEXT = 7 };

/* The child's ends of its pipes. */
struct child_ends { int in, out, err, fail; };

static _Noreturn void give_up(int fail, const char *step) {
  uint8_t code[4];
  put_u32(code, (uint32_t)errno);
  send_all(fail, code, sizeof code);
  send_all(fail, step, strlen(step));
  _exit(127);
}

static _Noreturn void run_command(const struct command_request *request, struct child_ends ends) {
  setpgid(0, 0);
  dup2(ends.in, 0);
  dup2(ends.out, 1);
  dup2(ends.err, 2);
  if (request->hide.count > 0 && private_mounts(&request->hide) < 0) give_up(ends.fail, "mounts");
  if (request->cwd != NULL && chdir(request->cwd) < 0) give_up(ends.fail, "cwd");
  reset_signals();
  if (request->env.count > 0) environ = request->env.items;
  execvp(request->argv.items[0], request->argv.items);
  give_up(ends.fail, "exec");
}

static _Noreturn void write_reply(struct buffer *reply, struct child_ends ends) {
  _exit(send_all(ends.out, reply->data, reply->len) ? 0 : 1);
}

/* Becomes a shim by executing this program anew: nothing of the launcher's memory and descriptors stays in it. */
static _Noreturn void become_shim(struct bytes request, char *dir, struct child_ends ends) {
  int memory = memfd_create("request", MFD_CLOEXEC);
  if (memory < 0 || !send_all(memory, request.data, request.len)) give_up(ends.fail, "request");
  lseek(memory, 0, SEEK_SET);
  int ready = fcntl(ends.fail, F_DUPFD, 10), body = fcntl(memory, F_DUPFD, 10);
  int null = open("/dev/null", O_RDWR);
  setsid();
  for (int i = 0; i < 3; i++) dup2(null, i);
  dup2(body, REQUEST_FD);
  dup2(ready, READY_FD);
  close_from(READY_FD + 1);
  reset_signals();
  execv("/proc/self/exe", (char *[]){"gantry-shim", "shim", dir, NULL});
  give_up(READY_FD, "exec");
}

static _Noreturn void show_view(const struct view_request *request, struct child_ends ends) {
  const char *failed = view_open(request);
  if (failed != NULL) give_up(ends.fail, failed);
  view_hold(ends.fail);
}

static _Noreturn void child_main(const struct frame *frame, void *request, struct child_ends ends) {
  struct buffer reply = {0};
  switch (frame->type) {
    case RUN:
      run_command(request, ends);
    case NETLINK:
      netlink_job(request, &reply);
      write_reply(&reply, ends);
    case FILES:
      files_job(request, &reply);
      write_reply(&reply, ends);
    case ATTRIBUTES:
      attributes_job(request, &reply);
      write_reply(&reply, ends);
    case DATAGRAMS:
      datagrams_job(request, &reply);
      write_reply(&reply, ends);
    case QUOTA:
      quota_job(request, &reply);
      write_reply(&reply, ends);
    case VIEW:
      show_view(request, ends);
    default:
      become_shim(frame->body, ((struct shim_request *)request)->dir, ends);
  }
}

static bool make_pipe(int *ours, int *theirs, bool we_write) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  *ours = ends[we_write];
  *theirs = ends[!we_write];
  fcntl(*ours, F_SETFL, O_NONBLOCK);
  return true;
}

/* Shims and views say that they are there, and live on. */
static bool stays(const struct job *job) {
  return job->type == SHIM || job->type == VIEW;
}

static bool make_pipes(struct job *job, struct child_ends *ends) {
  if (!make_pipe(&job->captures[FAIL].fd, &ends->fail, false)) return false;
  if (stays(job)) return true;
  if (!make_pipe(&job->captures[OUT].fd, &ends->out, false)) return false;
  if (job->type != RUN) return true;
  return make_pipe(&job->captures[ERR].fd, &ends->err, false) && make_pipe(&job->input, &ends->in, true);
}

static void close_ends(struct child_ends *ends) {
  int *fds[] = {&ends->in, &ends->out, &ends->err, &ends->fail};
  for (size_t i = 0; i < 4; i++)
    if (*fds[i] >= 0) close(*fds[i]);
}

static struct job *job_new(const struct frame *frame) {
  struct job *job = must_alloc(calloc(1, sizeof *job));
  job->type = frame->type;
  job->id = frame->id;
  job->input = -1;
  job->deadline = INT64_MAX;
  for (int i = 0; i < CAPTURES; i++) job->captures[i] = (struct capture){.fd = -1, .max = MAX_STEP_REPLY};
  return job;
}

static void take_limits(struct job *job, const struct command_request *request) {
  job->captures[OUT].max = job->captures[ERR].max = request->max_output;
  if (request->timeout_ms < INT32_MAX) job->deadline = now_ms() + (int64_t)request->timeout_ms;
  buffer_append(&job->to_write, request->input.data, request->input.len);
}

static struct job *launch(const struct frame *frame, void *request, const char **wrong) {
  struct job *job = job_new(frame);
  struct child_ends ends = {-1, -1, -1, -1};
  *wrong = "no pipe or process could be had";
  job->pid = make_pipes(job, &ends) ? fork() : -1;
  if (job->pid == 0) child_main(frame, request, ends);
  close_ends(&ends);
  if (job->pid < 0) {
    job_free(job);
    return NULL;
  }
  if (job->type == RUN) take_limits(job, request);
  return job;
}

#define START(type, parse_request, free_request)                      \
  {                                                                   \
    struct type request;                                              \
    *wrong = parse_request(frame->body, &request);                    \
    struct job *job = *wrong ? NULL : launch(frame, &request, wrong); \
    free_request(&request);                                           \
    return job;                                                       \
  }

struct job *job_start(const struct frame *frame, const char **wrong) {
  switch (frame->type) {
    case RUN:
      START(command_request, parse_command, free_command)
    case NETLINK:
      START(netlink_request, parse_netlink, free_netlink)
    case FILES:
      START(file_request, parse_files, free_files)
    case ATTRIBUTES:
      START(attributes_request, parse_attributes, free_attributes)
    case DATAGRAMS:
      START(datagrams_request, parse_datagrams, free_datagrams)
    case QUOTA:
      START(quota_request, parse_quota, free_quota)
    case SHIM:
      START(shim_request, parse_shim, free_shim)
    case VIEW:
      START(view_request, parse_view, free_view)
    default:
      *wrong = "unknown request";
      return NULL;
  }
}

void job_free(struct job *job) {
  if (job->input >= 0) close(job->input);
  for (int i = 0; i < CAPTURES; i++) {
    if (job->captures[i].fd >= 0) close(job->captures[i].fd);
    buffer_free(&job->captures[i].kept);
  }
  buffer_free(&job->to_write);
  free(job);
}

void job_kill(struct job *job) {
  if (job->exited) return;
  if (job->type == RUN) kill(-job->pid, SIGKILL);
  kill(job->pid, SIGKILL);
}

void job_poll(const struct job *job, struct pollfd *fds) {
  for (int i = 0; i < CAPTURES; i++) fds[i] = (struct pollfd){.fd = job->captures[i].fd, .events = POLLIN};
  fds[CAPTURES] = (struct pollfd){.fd = job->input, .events = POLLOUT};
}

/* Reads until nothing is there; keeps what fits. */
static void drain(struct capture *capture) {
  static uint8_t chunk[65536];
  while (capture->fd >= 0) {
    ssize_t got = read(capture->fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      close(capture->fd);
      capture->fd = -1;
      return;
    }
    size_t room = capture->max - capture->kept.len;
    buffer_append(&capture->kept, chunk, (size_t)got < room ? (size_t)got : room);
  }
}

static void feed(struct job *job) {
  ssize_t put = 0;
  if (job->written < job->to_write.len)
    put = write(job->input, job->to_write.data + job->written, job->to_write.len - job->written);
  if (put < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (put > 0) job->written += (size_t)put;
  if (put >= 0 && job->written < job->to_write.len) return;
  close(job->input);
  job->input = -1;
}

void job_pump(struct job *job, const struct pollfd *fds) {
  for (int i = 0; i < CAPTURES; i++)
    if (fds[i].revents != 0) drain(&job->captures[i]);
  if (fds[CAPTURES].revents != 0) feed(job);
}

/* A command is done when it ended: its own children may hold the pipes for ever. A shim or a view is up once it closed `FAIL`. */
bool job_done(struct job *job) {
  if (stays(job)) return job->captures[FAIL].fd < 0;
  if (!job->exited) return false;
  for (int i = 0; i < CAPTURES; i++) drain(&job->captures[i]);
  return true;
}

static void add_failure(const struct buffer *said, struct buffer *frame) {
  add_number(frame, FAIL_ERRNO, get_u32(said->data));
  add_bytes(frame, FAIL_TEXT, said->data + 4, said->len - 4);
}

/* A shim says nothing where its set-up worked; one that was killed during it did not say so. */
static void add_outcome(const struct job *job, struct buffer *frame) {
  if (stays(job)) {
    add_number(frame, PID, (uint64_t)job->pid);
    if (job->exited || job->cancelled) add_text(frame, FAIL_TEXT, "it was killed");
  } else if (job->type == RUN) {
    add_number(frame, STATUS, (uint64_t)(uint32_t)job->status);
    add_number(frame, TIMED_OUT, job->timed_out);
    add_bytes(frame, STDOUT, job->captures[OUT].kept.data, job->captures[OUT].kept.len);
    add_bytes(frame, STDERR, job->captures[ERR].kept.data, job->captures[ERR].kept.len);
  } else if (job->status == 0 && job->captures[OUT].kept.len < MAX_STEP_REPLY) {
    buffer_append(frame, job->captures[OUT].kept.data, job->captures[OUT].kept.len);
  } else {
    add_text(frame, FAIL_TEXT, "the child was killed, or its reply is too long");
  }
}

void job_reply(const struct job *job, struct buffer *frame) {
  frame_begin(frame, job->type, job->id);
  const struct buffer *said = &job->captures[FAIL].kept;
  if (said->len >= 4)
    add_failure(said, frame);
  else
    add_outcome(job, frame);
  frame_end(frame);
}
