/* Connections to a shim: requests in, replies, output and events out. */
#ifndef CLIENT_H
#define CLIENT_H
#include "queue.h"

/* Frames. Replies carry the type and id of their request. */
enum { START = 1, KILL = 2, RESIZE = 3, ATTACH = 4, STDIN = 5, STDIN_END = 6, LEAVE = 7, LOG_CLEAR = 8, LOG_REPLACE = 9 };
enum { STATE = 16, OUTPUT = 17 /* stdout; 18 is stderr */, EXITED = 19, RELEASED = 20 };

enum { MAX_CLIENT_BODY = 1 << 20, MAX_CLIENTS = 256 };

struct client {
  struct client *next;
  int fd; /* -1: to be removed */
  bool attached, sends_stdin, wants[2];
  struct inbox inbox;
  struct queue queue;
};

struct client *client_new(int fd, const char *spill_dir, uint64_t spill_limit);
void client_free(struct client *client);
/* Both never wait; a client that can't be served any more gets its descriptor closed and set to -1. */
void client_send(struct client *client, const struct buffer *frame);
void client_output(struct client *client, int stream, const uint8_t *data, size_t len);
void client_drop(struct client *client);
#endif
