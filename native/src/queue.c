#define _GNU_SOURCE
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_SIZE = 65536, HOLE = 4 << 20 };

bool queue_empty(const struct queue *queue) {
  return queue->len == 0 && queue->file_at == queue->file_end;
}

static bool open_spill(struct queue *queue) {
  char name[4096];
  if (queue->file >= 0) return true;
  if (snprintf(name, sizeof name, "%s/.spill-XXXXXX", queue->dir) >= (int)sizeof name) return false;
  queue->file = mkostemp(name, O_CLOEXEC);
  return queue->file >= 0 && unlink(name) == 0;
}

static bool spill(struct queue *queue, const uint8_t *data, size_t len) {
  if ((uint64_t)(queue->file_end - queue->file_at) + len > queue->limit || !open_spill(queue)) return false;
  while (len > 0) {
    ssize_t put = pwrite(queue->file, data, len, queue->file_end);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data += put;
    len -= (size_t)put;
    queue->file_end += put;
  }
  return true;
}

bool queue_push(struct queue *queue, const void *data, size_t len) {
  if (queue->file_at < queue->file_end) return spill(queue, data, len);
  if (queue->head == NULL) queue->head = must_alloc(malloc(HEAD_SIZE));
  if (queue->at > 0) memmove(queue->head, queue->head + queue->at, queue->len);
  queue->at = 0;
  if (len > HEAD_SIZE - queue->len) return spill(queue, data, len);
  memcpy(queue->head + queue->len, data, len);
  queue->len += len;
  return true;
}

/* Gives back the disk of what was read. */
static void shrink(struct queue *queue) {
  if (queue->file_at == queue->file_end) {
    queue->file_at = queue->file_end = 0;
    if (ftruncate(queue->file, 0) < 0) return;
  } else if (queue->file_at % HOLE < HEAD_SIZE) {
    fallocate(queue->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, queue->file_at);
  }
}

static bool refill(struct queue *queue) {
  if (queue->file_at == queue->file_end) return true;
  ssize_t got = pread(queue->file, queue->head, HEAD_SIZE, queue->file_at);
  if (got <= 0) return false;
  queue->at = 0;
  queue->len = (size_t)got;
  queue->file_at += got;
  shrink(queue);
  return true;
}

bool queue_send(struct queue *queue, int fd) {
  while (!queue_empty(queue)) {
    if (queue->len == 0 && !refill(queue)) return false;
    ssize_t sent = send(fd, queue->head + queue->at, queue->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    queue->at += (size_t)sent;
    queue->len -= (size_t)sent;
  }
  free(queue->head);
  queue->head = NULL;
  return true;
}

void queue_free(struct queue *queue) {
  free(queue->head);
  if (queue->file >= 0) close(queue->file);
}
