/* Frames and fields: the one format in which requests, replies and streams travel. See docs/shim-protocol.md. */
#ifndef WIRE_H
#define WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEADER_SIZE = 12, FIELD_HEADER_SIZE = 8 };

struct bytes { const uint8_t *data; size_t len; };
struct buffer { uint8_t *data; size_t len, cap; };
struct frame { uint32_t type, id; struct bytes body; };

/* Bytes that came from a peer and are not yet taken: at most one frame of `max_body` and what follows it. */
struct inbox { struct buffer bytes; size_t taken, max_body; };

void *must_alloc(void *memory);
uint32_t get_u32(const uint8_t *at);
uint64_t get_u64(const uint8_t *at);
void put_u32(uint8_t *at, uint32_t value);

void buffer_append(struct buffer *buffer, const void *data, size_t len);
void buffer_free(struct buffer *buffer);
/* Starts a frame in an empty buffer; `frame_end` fills in its length. */
void frame_begin(struct buffer *buffer, uint32_t type, uint32_t id);
void frame_end(struct buffer *buffer);
void add_bytes(struct buffer *buffer, uint32_t tag, const void *data, size_t len);
void add_number(struct buffer *buffer, uint32_t tag, uint64_t value);
void add_text(struct buffer *buffer, uint32_t tag, const char *text);

/* Takes the next field off `rest`. 1: there is one; 0: the end; -1: malformed. */
int next_field(struct bytes *rest, uint32_t *tag, struct bytes *value);

/* Receives without waiting. 1: more bytes; 0: none now; -1: end or error. */
int inbox_fill(struct inbox *inbox, int fd);
/* The next whole frame, valid until the next fill. 1: there is one; 0: not yet; -1: longer than allowed. */
int inbox_next(struct inbox *inbox, struct frame *frame);
/* Writes everything, waiting where it must. False where the peer is gone. */
bool send_all(int fd, const void *data, size_t len);
bool read_all(int fd, struct buffer *into, size_t max);
#endif
