/* The container's log, in Docker's json-file format, rotated by size. */
#ifndef LOG_H
#define LOG_H
#include "wire.h"

enum { MAX_LINE = 16384, LOG_BUFFER = 65536 };

/* What came of a line that isn't complete yet, one for each stream. */
struct line { size_t len; uint8_t data[MAX_LINE]; };

struct log {
  const char *path;
  uint64_t max_size, max_files, size;
  int fd;
  size_t len;
  uint8_t buffer[LOG_BUFFER];
};

/* Opens the file for appending. False with errno where that fails. */
bool log_open(struct log *log, const char *path, uint64_t max_size, uint64_t max_files);
/* Logs the lines that `data` completes, in pieces of at most MAX_LINE bytes, and keeps the rest in `line`. */
void log_write(struct log *log, struct line *line, const char *stream, const uint8_t *data, size_t len);
/* Logs what is left in `line`. */
void log_finish(struct log *log, struct line *line, const char *stream);
void log_flush(struct log *log);
#endif
