#define _GNU_SOURCE
#include "client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct client *client_new(int fd, const char *spill_dir, uint64_t spill_limit) {
  struct client *client = must_alloc(calloc(1, sizeof *client));
  client->fd = fd;
  client->inbox.max_body = MAX_CLIENT_BODY;
  client->queue = (struct queue){.file = -1, .dir = spill_dir, .limit = spill_limit};
  return client;
}

void client_drop(struct client *client) {
  if (client->fd >= 0) close(client->fd);
  client->fd = -1;
}

void client_free(struct client *client) {
  client_drop(client);
  buffer_free(&client->inbox.bytes);
  queue_free(&client->queue);
  free(client);
}

static void deliver(struct client *client, const uint8_t *head, size_t head_len, const uint8_t *data, size_t len) {
  if (client->fd < 0) return;
  size_t sent = 0;
  if (queue_empty(&client->queue)) {
    struct iovec parts[] = {{(void *)(uintptr_t)head, head_len}, {(void *)(uintptr_t)data, len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t got = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (got > 0) sent = (size_t)got;
  }
  if (sent == head_len + len) return;
  bool kept = sent >= head_len || queue_push(&client->queue, head + sent, head_len - sent);
  size_t skip = sent > head_len ? sent - head_len : 0;
  if (!kept || (len > skip && !queue_push(&client->queue, data + skip, len - skip))) client_drop(client);
}

void client_send(struct client *client, const struct buffer *frame) {
  deliver(client, frame->data, frame->len, NULL, 0);
}

void client_output(struct client *client, int stream, const uint8_t *data, size_t len) {
  if (!client->attached || !client->wants[stream]) return;
  uint8_t header[HEADER_SIZE] = {0};
  put_u32(header, (uint32_t)len);
  put_u32(header + 4, OUTPUT + (uint32_t)stream);
  deliver(client, header, sizeof header, data, len);
}
