/* All that a shim knows. Its life goes through the phases in their order. */
#ifndef STATE_H
#define STATE_H
#include "client.h"
#include "logger.h"
#include "namespaces.h"
#include "program.h"
#include "status.h"

enum phase {
  PREPARED = 1, /* mounts and network are there; waits for START */
  STARTING,     /* the OCI runtime runs */
  RUNNING,
  DRAINING, /* the process has ended; its last output is read */
  DELETING, /* its exit is recorded; the runtime removes what is left of it */
  GONE,     /* nothing is held any more; lagging clients get the rest of their output */
};

/* Fields of replies and events. */
enum {
  F_ERRNO = 1, F_TEXT, F_PHASE, F_PID, F_STARTED, F_MEMO, F_MOUNT_US, F_NETWORK_US, F_RUNTIME_US, F_CODE, F_FINISHED, F_OOM, F_STATUS, F_SHIM_PID
};

struct shim {
  struct shim_request request;
  struct timings timings;
  enum phase phase;
  int listener, children, console, terminal;
  struct streams streams;
  struct client *clients, *starter; /* `starter` waits for the reply to START */
  uint32_t start_id;
  pid_t runtime, process;
  bool failed;                      /* the runtime could not start it */
  int64_t started_ms, deadline;     /* wall clock; monotonic */
  uint64_t runtime_began;
  struct buffer input;              /* for the process's standard input, of which `input_at` bytes are written */
  size_t input_at;
  bool input_ends;                  /* close standard input after that */
  struct exit_status exit;
  struct logger *log;
};

/* serve.c: what clients ask and are told. */
void serve_accept(struct shim *self);
void serve_client(struct shim *self, struct client *client); /* reads what it sent */
void serve_inbox(struct shim *self, struct client *client);  /* serves what was read before */
bool serve_wants(const struct shim *self, const struct client *client); /* can a request of this client be taken now? */
void serve_sweep(struct shim *self);                                    /* forgets dropped clients */
void tell_all(struct shim *self, uint32_t type);
void tell_started(struct shim *self, const struct buffer *failure, int status);

/* shim.c */
void shim_start(struct shim *self);
void shim_feed(struct shim *self); /* writes what there is of `input` */
_Noreturn void shim_leave(struct shim *self);
#endif
