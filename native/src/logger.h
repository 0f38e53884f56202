/* A process's log: written at once, or by a thread of its own, so that a slow disk holds up nobody. */
#ifndef LOGGER_H
#define LOGGER_H
#include <pthread.h>

#include "log.h"

/* What waits for the thread: `len` bytes of one stream, or its end. */
struct piece {
  struct piece *next;
  int stream;
  bool ends, after_gap;
  struct timespec when;
  size_t len;
  uint8_t data[];
};

struct logger {
  struct log log;
  struct line lines[2];
  uint64_t limit; /* bytes that may wait; 0: nothing waits */
  pthread_t thread;
  pthread_mutex_t queue_lock, log_lock; /* of what waits; of `log` and `lines` */
  pthread_cond_t changed;
  struct piece *first, *last;
  uint64_t waiting;
  bool started, closing, gap[2], cut[2]; /* `gap`: pieces were dropped; `cut`: in the middle of a line */
};

/* False with errno where the file cannot be opened. */
bool logger_open(struct logger *logger, const char *path, uint64_t max_size, uint64_t max_files, uint64_t limit);
void logger_write(struct logger *logger, int stream, const uint8_t *data, size_t len);
/* The stream has ended: what is left of its last line is logged. */
void logger_end(struct logger *logger, int stream);
/* After all that was read in one go. */
void logger_flush(struct logger *logger);
/* Returns once all is written. */
void logger_close(struct logger *logger);
/* See log.h; what waits is cleared too. */
int logger_clear(struct logger *logger);
int logger_replace(struct logger *logger, uint64_t inode, const char *from);
#endif
