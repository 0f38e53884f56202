#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "steps.h"

static int open_below(int root, const char *path) {
  struct open_how how = {
    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

int open_parent(int root, const char *path, const char **name) {
  char parent[4096];
  const char *slash = strrchr(path, '/');
  *name = slash == NULL ? path : slash + 1;
  if (strcmp(*name, "..") == 0) return errno = EINVAL, -1;
  if (**name == 0) *name = ".";
  size_t len = slash == NULL ? 0 : (size_t)(slash - path);
  if (len >= sizeof parent) return errno = ENAMETOOLONG, -1;
  memcpy(parent, path, len);
  parent[len] = 0;
  return open_below(root, len == 0 ? "." : parent);
}

static int set_attribute(int dir, const char *name, const struct file_operation *op) {
  char path[4200];
  if (snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name) >= (int)sizeof path) return errno = ENAMETOOLONG, -1;
  return lsetxattr(path, op->name, op->value.data, op->value.len, 0);
}

static int apply(int dir, const char *name, const struct file_operation *op) {
  struct timespec when = {(time_t)op->seconds, (long)op->nanoseconds};
  struct timespec times[2] = {when, when};
  switch (op->kind) {
    case FILE_MKNOD:
      return mknodat(dir, name, (mode_t)op->mode, makedev((unsigned)op->major, (unsigned)op->minor));
    case FILE_SETXATTR:
      return set_attribute(dir, name, op);
    default:
      return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
  }
}

static int operate(int root, struct bytes encoded) {
  struct file_operation op;
  if (parse_file_operation(encoded, &op) != NULL) return EBADMSG;
  /* Names a descriptor in /proc: the very file that the daemon has open. */
  if (op.kind == FILE_SETXATTR_OPEN) return setxattr(op.path, op.name, op.value.data, op.value.len, 0) < 0 ? errno : 0;
  const char *name;
  int dir = open_parent(root, op.path, &name);
  if (dir < 0) return errno;
  int error = apply(dir, name, &op) < 0 ? errno : 0;
  close(dir);
  return error;
}

void files_job(const struct file_request *request, struct buffer *reply) {
  umask(0);
  int root = open(request->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int error = root < 0 ? errno : 0;
  size_t i = 0;
  for (; error == 0 && i < request->operations.count; i++) error = operate(root, request->operations.items[i]);
  if (error == 0) return;
  add_number(reply, STEP_INDEX, i == 0 ? 0 : i - 1);
  add_number(reply, STEP_ERRNO, (uint64_t)error);
}
