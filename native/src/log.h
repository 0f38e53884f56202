/* The container's log, in Docker's json-file format, rotated by size. Nobody but this renames its files while the container runs. */
#ifndef LOG_H
#define LOG_H
#include <time.h>

#include "wire.h"

enum { MAX_LINE = 16384, LOG_BUFFER = 65536 };

/* What came of a line that isn't complete yet, one for each stream. */
struct line { size_t len; uint8_t data[MAX_LINE]; };

struct log {
  const char *path, *attributes; /* `attributes`: what stands before the time in each line, or NULL */
  uint64_t max_size, max_files, size;
  int fd;
  size_t len;
  uint8_t buffer[LOG_BUFFER];
};

/* Opens the file for appending. False with errno where that fails. */
bool log_open(struct log *log, const char *path, uint64_t max_size, uint64_t max_files);
/* Logs the lines that `data` completes, in pieces of at most MAX_LINE bytes, and keeps the rest in `line`. It came at the time `when`. */
void log_write(struct log *log, struct line *line, const char *stream, const uint8_t *data, size_t len, struct timespec when);
/* Logs what is left in `line`. */
void log_finish(struct log *log, struct line *line, const char *stream, struct timespec when);
void log_flush(struct log *log);
/* Begins anew: what was logged so far is gone, rotated files too. 0 or errno. */
int log_clear(struct log *log);
/* Puts the compressed file `from` in the place of the rotated file with this inode, wherever rotation has moved it. 0 or errno. */
int log_replace(struct log *log, uint64_t inode, const char *from);
#endif
