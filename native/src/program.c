#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "process.h"
#include "shim.h"

/* Every other descriptor is closed on exec. The runtime runs in the daemon's network namespace: it must not take the container's for the host's. */
static _Noreturn void become(const struct shim_request *request, struct texts argv, const int stdio[3]) {
  int fds[3];
  for (int i = 0; i < 3; i++) fds[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 20);
  for (int i = 0; i < 3; i++) dup2(fds[i], i);
  int socket_file = open(CONSOLE_SOCKET, O_PATH | O_CLOEXEC);
  if (socket_file >= 0) dup2(fcntl(socket_file, F_DUPFD_CLOEXEC, 20), CONSOLE_FD);
  if (setns(HOST_NETNS_FD, CLONE_NEWNET) < 0) _exit(127);
  umask(022); /* mount points that it makes in the container's file system are for everybody */
  reset_signals();
  execve(argv.items[0], argv.items, request->env.items ? request->env.items : (char *[]){NULL});
  dprintf(2, "%s: %s\n", argv.items[0], strerror(errno));
  _exit(127);
}

static int listen_for_console(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = CONSOLE_SOCKET};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  unlink(CONSOLE_SOCKET);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0) return fd;
  close(fd);
  return -1;
}

static bool open_pipe(int *ours, int *theirs, bool we_write) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  *ours = ends[we_write];
  *theirs = ends[!we_write];
  return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

static bool open_streams(const struct shim_request *request, struct streams *streams, int stdio[3]) {
  stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (stdio[0] < 0 || !open_pipe(&streams->err, &stdio[2], false)) return false;
  if (request->terminal) return (stdio[1] = fcntl(stdio[2], F_DUPFD_CLOEXEC, 0)) >= 0;
  if (!open_pipe(&streams->out, &stdio[1], false)) return false;
  if (!request->open_stdin) return true;
  close(stdio[0]);
  return open_pipe(&streams->in, &stdio[0], true);
}

pid_t program_start(const struct shim_request *request, struct streams *streams, int *console) {
  int stdio[3] = {-1, -1, -1};
  *streams = (struct streams){-1, -1, -1};
  *console = request->terminal ? listen_for_console() : -1;
  if (request->terminal && *console < 0) return -1;
  pid_t pid = open_streams(request, streams, stdio) ? fork() : -1;
  if (pid == 0) become(request, request->start_argv, stdio);
  for (int i = 0; i < 3; i++)
    if (stdio[i] >= 0) close(stdio[i]);
  return pid;
}

pid_t program_delete(const struct shim_request *request) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  become(request, request->delete_argv, (int[]){null, null, null});
}

static int receive_descriptor(int connection) {
  char byte[256];
  union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
  struct iovec part = {byte, sizeof byte};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC) < 0) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  int fd = -1;
  if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -1;
  if (header->cmsg_len == CMSG_LEN(sizeof fd)) memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int program_take_terminal(int console, const struct shim_request *request) {
  struct timeval patience = {.tv_sec = 5};
  int connection = accept4(console, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) return -1;
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int terminal = receive_descriptor(connection);
  close(connection);
  if (terminal < 0) return -1;
  struct winsize size = {.ws_col = (unsigned short)request->columns, .ws_row = (unsigned short)request->rows};
  if (size.ws_col > 0) ioctl(terminal, TIOCSWINSZ, &size);
  fcntl(terminal, F_SETFL, O_NONBLOCK | fcntl(terminal, F_GETFL));
  return terminal;
}

pid_t program_read_pid(void) {
  char text[32] = "";
  int fd = open(PID_FILE, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  long pid = got > 0 ? strtol(text, NULL, 10) : 0;
  return pid > 1 ? (pid_t)pid : -1;
}
