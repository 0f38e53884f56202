#define _GNU_SOURCE
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool open_file(struct log *log) {
  struct stat info;
  log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  log->size = log->fd >= 0 && fstat(log->fd, &info) == 0 ? (uint64_t)info.st_size : 0;
  return log->fd >= 0;
}

bool log_open(struct log *log, const char *path, uint64_t max_size, uint64_t max_files) {
  log->path = path;
  log->max_size = max_size;
  log->max_files = max_files > 0 ? max_files : 1;
  return open_file(log);
}

/* A full disk costs lines, never the container its life: what can't be written is dropped. */
void log_flush(struct log *log) {
  if (log->len > 0 && log->fd < 0) open_file(log);
  for (size_t at = 0; at < log->len && log->fd >= 0;) {
    ssize_t put = write(log->fd, log->buffer + at, log->len - at);
    if (put < 0 && errno != EINTR) break;
    if (put > 0) at += (size_t)put;
  }
  log->len = 0;
}

/* ---- files: the current one is number 0 ---- */

struct name { char text[4096]; };

static struct name name_of(const struct log *log, uint64_t number, const char *ending) {
  struct name name;
  if (number == 0)
    snprintf(name.text, sizeof name.text, "%s%s", log->path, ending);
  else
    snprintf(name.text, sizeof name.text, "%s.%llu%s", log->path, (unsigned long long)number, ending);
  return name;
}

static void remove_number(const struct log *log, uint64_t number) {
  unlink(name_of(log, number, "").text);
  if (number > 0) unlink(name_of(log, number, ".gz").text);
}

static void close_file(struct log *log) {
  log_flush(log);
  if (log->fd >= 0) close(log->fd);
}

/* A new file each time, never one that is emptied: who reads the old one keeps it until its end. */
static void rotate(struct log *log) {
  close_file(log);
  remove_number(log, log->max_files - 1);
  for (uint64_t i = log->max_files; i-- > 1;) {
    rename(name_of(log, i - 1, "").text, name_of(log, i, "").text);
    if (i > 1) rename(name_of(log, i - 1, ".gz").text, name_of(log, i, ".gz").text);
  }
  open_file(log);
}

int log_clear(struct log *log) {
  close_file(log);
  for (uint64_t i = log->max_files; i-- > 0;) remove_number(log, i);
  return open_file(log) ? 0 : errno;
}

int log_replace(struct log *log, uint64_t inode, const char *from) {
  struct stat info;
  for (uint64_t i = 1; i < log->max_files; i++) {
    struct name name = name_of(log, i, "");
    if (stat(name.text, &info) < 0 || info.st_ino != inode) continue;
    if (rename(from, name_of(log, i, ".gz").text) < 0) return errno;
    return unlink(name.text) < 0 ? errno : 0;
  }
  return ENOENT;
}

/* ---- lines ---- */

static void put(struct log *log, const void *data, size_t len) {
  log->size += len;
  for (const uint8_t *at = data; len > 0;) {
    if (log->len == LOG_BUFFER) log_flush(log);
    size_t room = LOG_BUFFER - log->len, take = len < room ? len : room;
    memcpy(log->buffer + log->len, at, take);
    log->len += take;
    at += take;
    len -= take;
  }
}

/* Bytes of the UTF-8 sequence at `at`, 0 where it is invalid (RFC 3629). */
static size_t utf8_length(const uint8_t *at, size_t len) {
  uint8_t first = at[0];
  size_t need = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (need == 0 || need > len) return 0;
  for (size_t i = 1; i < need; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if (first == 0xe0 && at[1] < 0xa0) return 0; /* overlong */
  if (first == 0xed && at[1] > 0x9f) return 0; /* surrogate */
  if (first == 0xf0 && at[1] < 0x90) return 0;
  if (first == 0xf4 && at[1] > 0x8f) return 0;
  return need;
}

static bool plain(uint8_t byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

/* Writes the escape of what stands at `at`; bytes taken. */
static size_t escape(struct log *log, const uint8_t *at, size_t len) {
  char text[8];
  uint8_t byte = at[0];
  if (byte >= 0x80) {
    size_t taken = utf8_length(at, len);
    bool separator = taken == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8; /* U+2028, U+2029 */
    if (taken == 0)
      put(log, "\\ufffd", 6);
    else if (separator)
      put(log, at[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
    else
      put(log, at, taken);
    return taken == 0 ? 1 : taken;
  }
  if (byte == '"' || byte == '\\' || byte == '\n' || byte == '\r')
    snprintf(text, sizeof text, "\\%c", byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte);
  else
    snprintf(text, sizeof text, "\\u%04x", byte);
  put(log, text, strlen(text));
  return 1;
}

static void put_escaped(struct log *log, const uint8_t *data, size_t len) {
  for (size_t at = 0; at < len;) {
    size_t end = at;
    while (end < len && plain(data[end])) end++;
    put(log, data + at, end - at);
    at = end;
    if (at < len) at += escape(log, data + at, len - at);
  }
}

/* Bytes at the end that begin a character of which the rest is yet to come: 0 to 3. */
static size_t cut_character(const uint8_t *data, size_t len) {
  for (size_t back = 1; back < 4 && back <= len; back++) {
    uint8_t byte = data[len - back];
    if ((byte & 0xc0) == 0x80) continue;
    size_t need = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 0;
    return need > back ? back : 0;
  }
  return 0;
}

/* `"time":"2026-01-31T12:34:56.123456789Z"}` and a newline, made once for all lines that came together. */
struct suffix { const char *stream; char text[64]; size_t len; };

static struct suffix make_suffix(const char *stream, struct timespec when) {
  struct suffix suffix = {.stream = stream};
  struct tm utc;
  char seconds[32];
  gmtime_r(&when.tv_sec, &utc);
  strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
  int len = snprintf(suffix.text, sizeof suffix.text, "\"time\":\"%s.%09ldZ\"}\n", seconds, when.tv_nsec);
  suffix.len = (size_t)len;
  return suffix;
}

static void put_text(struct log *log, const char *text) {
  put(log, text, strlen(text));
}

static void put_line(struct log *log, const uint8_t *data, size_t len, const struct suffix *suffix) {
  if (log->max_size > 0 && log->size >= log->max_size) rotate(log);
  put_text(log, "{\"log\":\"");
  bool newline = len > 0 && data[len - 1] == '\n';
  put_escaped(log, data, newline ? len - 1 : len);
  put_text(log, newline ? "\\n\",\"stream\":\"" : "\",\"stream\":\"");
  put_text(log, suffix->stream);
  put_text(log, "\",");
  if (log->attributes != NULL) put_text(log, log->attributes);
  put(log, suffix->text, suffix->len);
}

/* All but `rest` bytes, with which the next piece begins. */
static void put_kept(struct log *log, struct line *line, size_t rest, const struct suffix *suffix) {
  put_line(log, line->data, line->len - rest, suffix);
  memmove(line->data, line->data + line->len - rest, rest);
  line->len = rest;
}

void log_write(struct log *log, struct line *line, const char *stream, const uint8_t *data, size_t len, struct timespec when) {
  struct suffix suffix = make_suffix(stream, when);
  while (len > 0) {
    size_t room = MAX_LINE - line->len, reach = len < room ? len : room;
    const uint8_t *newline = memchr(data, '\n', reach);
    size_t take = newline == NULL ? reach : (size_t)(newline - data) + 1;
    bool whole = newline != NULL || take == room;
    if (whole && line->len == 0) {
      if (newline == NULL) take -= cut_character(data, take);
      put_line(log, data, take, &suffix);
    } else {
      memcpy(line->data + line->len, data, take);
      line->len += take;
      if (whole) put_kept(log, line, newline == NULL ? cut_character(line->data, line->len) : 0, &suffix);
    }
    data += take;
    len -= take;
  }
}

void log_finish(struct log *log, struct line *line, const char *stream, struct timespec when) {
  if (line->len == 0) return;
  struct suffix suffix = make_suffix(stream, when);
  put_kept(log, line, 0, &suffix);
}
