#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_LINE = 4200, MAX_MESSAGE = 160 };

/* One line of JSON, with a descriptor where `fd` is one. */
static void tell(int channel, const char *text, int fd) {
  union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
  struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  }
  struct pollfd ready = {.fd = channel, .events = POLLOUT};
  while (sendmsg(channel, &message, MSG_NOSIGNAL) < 0 && (errno == EAGAIN || errno == EINTR))
    if (poll(&ready, 1, -1) < 0 && errno != EINTR) return;
}

/* What Node.js makes of such a message is the same as if a child of its own had sent the handle (child_process, subprocess.send). */
static void give(int channel, unsigned long id, const char *type, int fd) {
  char text[MAX_MESSAGE];
  snprintf(text, sizeof text, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"%s\",\"dgramType\":\"udp4\",\"msg\":{\"id\":%lu}}\n", type, id);
  tell(channel, text, fd);
}

static void refuse(int channel, unsigned long id, int error) {
  char text[MAX_MESSAGE];
  snprintf(text, sizeof text, "{\"id\":%lu,\"errno\":%d}\n", id, error);
  tell(channel, text, -1);
}

static int bound(int type) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f00000b)};
  int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  return errno = error, -1;
}

static int enter(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int done = setns(fd, CLONE_NEWNET), error = errno;
  close(fd);
  return errno = error, done;
}

static void serve(int home, int channel, const char *line) {
  char *path;
  unsigned long id = strtoul(line, &path, 10);
  int error = 0, udp = -1, tcp = -1;
  if (*path != ' ' || enter(path + 1) < 0) error = *path == ' ' ? errno : EINVAL;
  if (error == 0 && ((udp = bound(SOCK_DGRAM)) < 0 || (tcp = bound(SOCK_STREAM)) < 0)) error = errno;
  /* A namespace lives as long as somebody is in it. */
  if (setns(home, CLONE_NEWNET) < 0) exit(1);
  if (error == 0) {
    give(channel, id, "dgram.Socket", udp);
    give(channel, id, "net.Server", tcp);
  } else {
    refuse(channel, id, error);
  }
  if (udp >= 0) close(udp);
  if (tcp >= 0) close(tcp);
}

/* False at the end of the requests, or after a line that is too long. */
static bool receive(int home, int requests, int channel) {
  static char buffer[MAX_LINE];
  static size_t length;
  ssize_t got = read(requests, buffer + length, sizeof buffer - length);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  length += (size_t)got;
  for (char *end; (end = memchr(buffer, '\n', length)) != NULL;) {
    *end = '\0';
    serve(home, channel, buffer);
    size_t used = (size_t)(end - buffer) + 1;
    memmove(buffer, end + 1, length -= used);
  }
  return length < sizeof buffer;
}

int sockets_main(int requests, int channel) {
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_NAME, "gantry-sockets");
  fcntl(channel, F_SETFD, FD_CLOEXEC);
  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  struct pollfd fds[] = {{.fd = requests, .events = POLLIN}, {.fd = channel, .events = POLLIN}};
  while (home >= 0 && (poll(fds, 2, -1) >= 0 || errno == EINTR)) {
    char rest[MAX_LINE];
    /* Node.js acknowledges each handle. */
    if (fds[1].revents != 0 && read(channel, rest, sizeof rest) == 0) return 0;
    if (fds[0].revents != 0 && !receive(home, requests, channel)) return 0;
  }
  return 1;
}
