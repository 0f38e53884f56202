#define _GNU_SOURCE
#include "status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool text_tells_oom(const char *text) {
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, "oom_kill ", 9) == 0) return strtoul(line + 9, NULL, 10) > 0;
  }
  return false;
}

bool oom_killed(const char *file) {
  char text[1024];
  int fd = file == NULL ? -1 : open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return false;
  text[got] = 0;
  return text_tells_oom(text);
}

static bool sync_and_close(int fd, bool good) {
  good = good && fsync(fd) == 0;
  return close(fd) == 0 && good;
}

bool status_write(const struct exit_status *status) {
  char text[64];
  int len = snprintf(text, sizeof text, "%d %lld %d\n", status->code, (long long)status->finished_ms, status->oom);
  int fd = open("exit.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || !sync_and_close(fd, write(fd, text, (size_t)len) == len)) return false;
  if (rename("exit.tmp", "exit") < 0) return false;
  int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return dir >= 0 && sync_and_close(dir, true);
}
