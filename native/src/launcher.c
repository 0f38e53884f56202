#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job.h"
#include "process.h"

enum { MAX_BODY = 16 << 20, REFUSED = 255, REFUSED_TEXT = 7 };

struct launcher {
  int control, children;
  struct inbox inbox;
  struct job *jobs;
  size_t count;
};

static void refuse(struct launcher *self, uint32_t id, const char *why) {
  struct buffer frame = {0};
  frame_begin(&frame, REFUSED, id);
  add_text(&frame, REFUSED_TEXT, why);
  frame_end(&frame);
  send_all(self->control, frame.data, frame.len);
  buffer_free(&frame);
}

static void cancel(struct launcher *self, uint32_t id) {
  for (struct job *job = self->jobs; job != NULL; job = job->next) {
    if (job->id != id) continue;
    job->cancelled = true;
    job_kill(job);
  }
}

static void serve(struct launcher *self, const struct frame *frame) {
  const char *wrong = NULL;
  if (frame->type == CANCEL) return cancel(self, frame->id);
  struct job *job = job_start(frame, &wrong);
  if (job == NULL) return refuse(self, frame->id, wrong);
  job->next = self->jobs;
  self->jobs = job;
  self->count++;
}

/* False at the end of the connection, or after a frame that cannot be one. */
static bool receive(struct launcher *self) {
  struct frame frame;
  int state = inbox_fill(&self->inbox, self->control);
  if (state < 0) return false;
  while ((state = inbox_next(&self->inbox, &frame)) > 0) serve(self, &frame);
  if (self->inbox.taken == self->inbox.bytes.len) {
    buffer_free(&self->inbox.bytes);
    self->inbox.taken = 0;
  }
  return state == 0;
}

static void reap(struct launcher *self) {
  struct signalfd_siginfo info;
  while (read(self->children, &info, sizeof info) > 0) continue;
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    for (struct job *job = self->jobs; job != NULL; job = job->next) {
      if (job->pid != pid || job->exited) continue;
      job->exited = true;
      job->status = status;
    }
}

static void finish(struct launcher *self) {
  for (struct job **at = &self->jobs; *at != NULL;) {
    struct job *job = *at;
    if (!job_done(job)) {
      at = &job->next;
      continue;
    }
    struct buffer frame = {0};
    job_reply(job, &frame);
    send_all(self->control, frame.data, frame.len);
    buffer_free(&frame);
    *at = job->next;
    self->count--;
    job_free(job);
  }
}

/* Kills what is over its time; milliseconds until the next deadline, or -1. */
static int enforce_deadlines(struct launcher *self) {
  int64_t now = now_ms(), next = INT64_MAX;
  for (struct job *job = self->jobs; job != NULL; job = job->next) {
    if (job->deadline <= now && !job->timed_out) {
      job->timed_out = true;
      job->deadline = INT64_MAX;
      job_kill(job);
    }
    if (job->deadline < next) next = job->deadline;
  }
  return next == INT64_MAX ? -1 : (int)(next - now);
}

static bool turn(struct launcher *self) {
  int timeout = enforce_deadlines(self);
  size_t total = 2 + self->count * JOB_FDS, at = 2;
  struct pollfd *fds = must_alloc(calloc(total, sizeof *fds));
  fds[0] = (struct pollfd){.fd = self->control, .events = POLLIN};
  fds[1] = (struct pollfd){.fd = self->children, .events = POLLIN};
  for (struct job *job = self->jobs; job != NULL; job = job->next, at += JOB_FDS) job_poll(job, fds + at);
  bool open = true;
  if (poll(fds, total, timeout) > 0) {
    at = 2;
    for (struct job *job = self->jobs; job != NULL; job = job->next, at += JOB_FDS) job_pump(job, fds + at);
    if (fds[1].revents != 0) reap(self);
    finish(self);
    if (fds[0].revents != 0) open = receive(self);
  }
  free(fds);
  return open;
}

int launcher_main(int control) {
  struct launcher self = {.control = control, .inbox = {.max_body = MAX_BODY}};
  setsid();
  prctl(PR_SET_NAME, "gantry-launcher");
  signal(SIGPIPE, SIG_IGN);
  fcntl(control, F_SETFD, FD_CLOEXEC);
  sigset_t chld;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, NULL);
  self.children = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
  if (self.children < 0) return 1;
  while (turn(&self)) continue;
  for (struct job *job = self.jobs; job != NULL; job = job->next)
    if (job->type != SHIM) job_kill(job);
  buffer_free(&self.inbox.bytes);
  return 0;
}
