#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void *must_alloc(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t get_u64(const uint8_t *at) {
  return get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

void put_u32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static void reserve(struct buffer *buffer, size_t more) {
  if (more <= buffer->cap - buffer->len) return;
  size_t cap = buffer->cap ? buffer->cap : 256;
  while (cap - buffer->len < more) cap *= 2;
  buffer->data = must_alloc(realloc(buffer->data, cap));
  buffer->cap = cap;
}

void buffer_append(struct buffer *buffer, const void *data, size_t len) {
  if (len == 0) return;
  reserve(buffer, len);
  memcpy(buffer->data + buffer->len, data, len);
  buffer->len += len;
}

void buffer_free(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}

void frame_begin(struct buffer *buffer, uint32_t type, uint32_t id) {
  uint8_t header[HEADER_SIZE] = {0};
  put_u32(header + 4, type);
  put_u32(header + 8, id);
  buffer_append(buffer, header, sizeof header);
}

void frame_end(struct buffer *buffer) {
  put_u32(buffer->data, (uint32_t)(buffer->len - HEADER_SIZE));
}

void add_bytes(struct buffer *buffer, uint32_t tag, const void *data, size_t len) {
  uint8_t header[FIELD_HEADER_SIZE];
  put_u32(header, tag);
  put_u32(header + 4, (uint32_t)len);
  buffer_append(buffer, header, sizeof header);
  buffer_append(buffer, data, len);
}

void add_number(struct buffer *buffer, uint32_t tag, uint64_t value) {
  uint8_t bytes[8];
  put_u32(bytes, (uint32_t)value);
  put_u32(bytes + 4, (uint32_t)(value >> 32));
  add_bytes(buffer, tag, bytes, sizeof bytes);
}

void add_text(struct buffer *buffer, uint32_t tag, const char *text) {
  add_bytes(buffer, tag, text, strlen(text));
}

int next_field(struct bytes *rest, uint32_t *tag, struct bytes *value) {
  if (rest->len == 0) return 0;
  if (rest->len < FIELD_HEADER_SIZE) return -1;
  *tag = get_u32(rest->data);
  size_t len = get_u32(rest->data + 4);
  if (len > rest->len - FIELD_HEADER_SIZE) return -1;
  *value = (struct bytes){rest->data + FIELD_HEADER_SIZE, len};
  rest->data += FIELD_HEADER_SIZE + len;
  rest->len -= FIELD_HEADER_SIZE + len;
  return 1;
}

int inbox_fill(struct inbox *inbox, int fd) {
  if (inbox->taken > 0) {
    memmove(inbox->bytes.data, inbox->bytes.data + inbox->taken, inbox->bytes.len - inbox->taken);
    inbox->bytes.len -= inbox->taken;
    inbox->taken = 0;
  }
  size_t want = 4096;
  if (inbox->bytes.len >= HEADER_SIZE) {
    size_t whole = HEADER_SIZE + (size_t)get_u32(inbox->bytes.data);
    if (whole > HEADER_SIZE + (size_t)inbox->max_body) return -1; /* nothing is reserved for what will be refused */
    if (whole > inbox->bytes.len) want = whole - inbox->bytes.len;
  }
  reserve(&inbox->bytes, want);
  ssize_t got = recv(fd, inbox->bytes.data + inbox->bytes.len, want, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  if (got == 0) return -1;
  inbox->bytes.len += (size_t)got;
  return 1;
}

int inbox_next(struct inbox *inbox, struct frame *frame) {
  size_t have = inbox->bytes.len - inbox->taken;
  if (have < HEADER_SIZE) return 0;
  const uint8_t *at = inbox->bytes.data + inbox->taken;
  size_t len = get_u32(at);
  if (len > inbox->max_body) return -1;
  if (have - HEADER_SIZE < len) return 0;
  *frame = (struct frame){get_u32(at + 4), get_u32(at + 8), {at + HEADER_SIZE, len}};
  inbox->taken += HEADER_SIZE + len;
  return 1;
}

bool send_all(int fd, const void *data, size_t len) {
  for (const uint8_t *at = data; len > 0;) {
    ssize_t sent = write(fd, at, len);
    if (sent < 0 && errno == EAGAIN) {
      struct pollfd ready = {.fd = fd, .events = POLLOUT};
      poll(&ready, 1, -1);
    } else if (sent < 0 && errno != EINTR) {
      return false;
    } else if (sent > 0) {
      at += sent;
      len -= (size_t)sent;
    }
  }
  return true;
}

bool read_all(int fd, struct buffer *into, size_t max) {
  while (into->len < max) {
    size_t want = max - into->len < 65536 ? max - into->len : 65536;
    reserve(into, want);
    ssize_t got = read(fd, into->data + into->len, want);
    if (got == 0) return true;
    if (got < 0 && errno != EINTR) return false;
    if (got > 0) into->len += (size_t)got;
  }
  return true;
}
