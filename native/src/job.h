/* One child of the launcher: what it reads, what it said, how it ended. */
#ifndef JOB_H
#define JOB_H
#include <poll.h>
#include <sys/types.h>

#include "request.h"

enum { RUN = 1, NETLINK = 2, FILES = 3, SHIM = 4, CANCEL = 5, ATTRIBUTES = 6, DATAGRAMS = 7, VIEW = 8, QUOTA = 9 };
enum { OUT = 0, ERR = 1, FAIL = 2, CAPTURES = 3, JOB_FDS = 4 };

struct capture { int fd; size_t max; struct buffer kept; };

struct job {
  struct job *next;
  uint32_t type, id;
  pid_t pid;
  int status, input;
  bool exited, timed_out, cancelled;
  struct capture captures[CAPTURES];
  struct buffer to_write;
  size_t written;
  int64_t deadline;
};

/* Starts the child of a request. NULL with `wrong` set where it is malformed or no child could be had. */
struct job *job_start(const struct frame *frame, const char **wrong);
void job_free(struct job *job);
void job_kill(struct job *job);
/* The descriptors to wait for: `JOB_FDS` entries, -1 where there is nothing. */
void job_poll(const struct job *job, struct pollfd *fds);
/* Reads and writes what is ready. */
void job_pump(struct job *job, const struct pollfd *fds);
bool job_done(struct job *job);
/* Makes the reply frame. */
void job_reply(const struct job *job, struct buffer *frame);
#endif
