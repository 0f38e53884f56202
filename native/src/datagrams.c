#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "steps.h"

enum { PATIENCE_S = 5 };

static int open_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval patience = {.tv_sec = PATIENCE_S};
  if (strlen(path) >= sizeof address.sun_path) return errno = ENAMETOOLONG, -1;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -1 : fd;
}

/* A receiver that takes nothing for so long ends it (EAGAIN): who asks tries the rest again. */
void datagrams_job(const struct datagrams_request *request, struct buffer *reply) {
  int fd = open_socket(request->path), error = fd < 0 ? errno : 0;
  size_t sent = 0;
  while (error == 0 && sent < request->messages.count) {
    struct bytes message = request->messages.items[sent];
    if (send(fd, message.data, message.len, MSG_NOSIGNAL) >= 0)
      sent++;
    else if (errno != EINTR)
      error = errno;
  }
  if (error == 0) return;
  add_number(reply, STEP_INDEX, sent);
  add_number(reply, STEP_ERRNO, (uint64_t)error);
}
