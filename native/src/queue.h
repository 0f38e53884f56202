/* What one client has not taken yet: a little in memory, the rest in a file without a name. */
#ifndef QUEUE_H
#define QUEUE_H
#include <sys/types.h>

#include "wire.h"

struct queue {
  uint8_t *head; /* the oldest bytes */
  size_t at, len;
  int file; /* newer ones, or -1 */
  off_t file_at, file_end;
  const char *dir;
  uint64_t limit;
};

bool queue_empty(const struct queue *queue);
/* False where the limit is reached or the file can't be written: the client must go. */
bool queue_push(struct queue *queue, const void *data, size_t len);
/* Sends without waiting. False where the client is gone. */
bool queue_send(struct queue *queue, int fd);
void queue_free(struct queue *queue);
#endif
