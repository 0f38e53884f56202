#define _GNU_SOURCE
#include "logger.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STACK = 256 << 10 };

static const char *const stream_names[] = {"stdout", "stderr"};

bool logger_open(struct logger *logger, const char *path, uint64_t max_size, uint64_t max_files, uint64_t limit) {
  logger->limit = limit;
  pthread_mutex_init(&logger->queue_lock, NULL);
  pthread_mutex_init(&logger->log_lock, NULL);
  pthread_cond_init(&logger->changed, NULL);
  return log_open(&logger->log, path, max_size, max_files);
}

/* ---- the thread ---- */

static void log_piece(struct logger *logger, const struct piece *piece) {
  struct line *line = &logger->lines[piece->stream];
  const char *name = stream_names[piece->stream];
  if (piece->ends || piece->after_gap) log_finish(&logger->log, line, name, piece->when);
  log_write(&logger->log, line, name, piece->data, piece->len, piece->when);
}

static struct piece *take_all(struct logger *logger) {
  pthread_mutex_lock(&logger->queue_lock);
  while (logger->first == NULL && !logger->closing) pthread_cond_wait(&logger->changed, &logger->queue_lock);
  struct piece *pieces = logger->first;
  logger->first = logger->last = NULL;
  pthread_mutex_unlock(&logger->queue_lock);
  return pieces;
}

/* A piece counts as waiting until it is written. */
static void written(struct logger *logger, struct piece *piece) {
  pthread_mutex_lock(&logger->queue_lock);
  logger->waiting -= piece->len;
  pthread_mutex_unlock(&logger->queue_lock);
  free(piece);
}

static void *work(void *argument) {
  struct logger *logger = argument;
  for (struct piece *piece, *next; (piece = take_all(logger)) != NULL;) {
    for (; piece != NULL; piece = next) {
      next = piece->next;
      pthread_mutex_lock(&logger->log_lock);
      log_piece(logger, piece);
      log_flush(&logger->log);
      pthread_mutex_unlock(&logger->log_lock);
      written(logger, piece);
    }
  }
  return NULL;
}

/* Started with the first output: the shim's namespaces are settled by then. */
static bool start(struct logger *logger) {
  pthread_attr_t attributes;
  if (logger->started) return true;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK);
  logger->started = pthread_create(&logger->thread, &attributes, work, logger) == 0;
  pthread_attr_destroy(&attributes);
  return logger->started;
}

/* ---- the shim's side ---- */

static void push(struct logger *logger, struct piece *piece) {
  if (logger->last == NULL)
    logger->first = piece;
  else
    logger->last->next = piece;
  logger->last = piece;
  logger->waiting += piece->len;
  pthread_cond_signal(&logger->changed);
}

/* Lines of which the beginning was dropped are dropped whole. Bytes to leave out. */
static size_t rest_of_cut_line(struct logger *logger, int stream, const uint8_t *data, size_t len) {
  if (!logger->cut[stream]) return 0;
  const uint8_t *newline = memchr(data, '\n', len);
  if (newline == NULL) return len;
  logger->cut[stream] = false;
  return (size_t)(newline - data) + 1;
}

static void drop(struct logger *logger, int stream, const uint8_t *data, size_t len) {
  logger->gap[stream] = true;
  logger->cut[stream] = data[len - 1] != '\n';
}

static struct piece *piece_new(int stream, const uint8_t *data, size_t len) {
  struct piece *piece = must_alloc(malloc(sizeof *piece + len));
  *piece = (struct piece){.stream = stream, .len = len};
  clock_gettime(CLOCK_REALTIME, &piece->when);
  if (len > 0) memcpy(piece->data, data, len);
  return piece;
}

static void offer(struct logger *logger, int stream, const uint8_t *data, size_t len) {
  size_t skip = rest_of_cut_line(logger, stream, data, len);
  if (skip == len) return;
  pthread_mutex_lock(&logger->queue_lock);
  if (logger->waiting > 0 && logger->waiting + (len - skip) > logger->limit) {
    drop(logger, stream, data, len);
  } else {
    struct piece *piece = piece_new(stream, data + skip, len - skip);
    piece->after_gap = logger->gap[stream];
    logger->gap[stream] = false;
    push(logger, piece);
  }
  pthread_mutex_unlock(&logger->queue_lock);
}

void logger_write(struct logger *logger, int stream, const uint8_t *data, size_t len) {
  struct timespec now;
  if (logger->limit > 0 && start(logger)) return offer(logger, stream, data, len);
  clock_gettime(CLOCK_REALTIME, &now);
  log_write(&logger->log, &logger->lines[stream], stream_names[stream], data, len, now);
}

void logger_end(struct logger *logger, int stream) {
  struct timespec now;
  if (logger->started) {
    struct piece *piece = piece_new(stream, NULL, 0);
    piece->ends = true;
    pthread_mutex_lock(&logger->queue_lock);
    push(logger, piece);
    pthread_mutex_unlock(&logger->queue_lock);
    return;
  }
  clock_gettime(CLOCK_REALTIME, &now);
  log_finish(&logger->log, &logger->lines[stream], stream_names[stream], now);
}

void logger_flush(struct logger *logger) {
  if (!logger->started) log_flush(&logger->log);
}

void logger_close(struct logger *logger) {
  if (logger->started) {
    pthread_mutex_lock(&logger->queue_lock);
    logger->closing = true;
    pthread_cond_signal(&logger->changed);
    pthread_mutex_unlock(&logger->queue_lock);
    pthread_join(logger->thread, NULL);
    logger->started = false;
    logger->limit = 0;
  }
  log_flush(&logger->log);
}

static void forget_waiting(struct logger *logger) {
  pthread_mutex_lock(&logger->queue_lock);
  struct piece *piece = logger->first, *next;
  logger->first = logger->last = NULL;
  for (; piece != NULL; piece = next) {
    next = piece->next;
    logger->waiting -= piece->len;
    free(piece);
  }
  pthread_mutex_unlock(&logger->queue_lock);
}

int logger_clear(struct logger *logger) {
  forget_waiting(logger);
  pthread_mutex_lock(&logger->log_lock);
  int error = log_clear(&logger->log);
  pthread_mutex_unlock(&logger->log_lock);
  return error;
}

int logger_replace(struct logger *logger, uint64_t inode, const char *from) {
  pthread_mutex_lock(&logger->log_lock);
  int error = log_replace(&logger->log, inode, from);
  pthread_mutex_unlock(&logger->log_lock);
  return error;
}
