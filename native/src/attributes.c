#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "steps.h"

/* The kernel's own bounds are 64 KiB for all names and for each value (xattr(7)). */
enum { MAX_NAMES = 65536, MAX_VALUE = 65536, MAX_OF_ONE = 1 << 20, ENOUGH = 4 << 20 };
enum { NAME = 1, VALUE = 2, ERRNO = 3 };

static bool wanted(const char *name, const struct texts *prefixes) {
  for (size_t i = 0; i < prefixes->count; i++)
    if (strncmp(name, prefixes->items[i], strlen(prefixes->items[i])) == 0) return true;
  return false;
}

/* One that went away meanwhile is none. */
static int add_attribute(const char *path, const char *name, struct buffer *into) {
  static char value[MAX_VALUE];
  ssize_t len = lgetxattr(path, name, value, sizeof value);
  if (len < 0) return errno == ENODATA ? 0 : errno;
  add_text(into, NAME, name);
  add_bytes(into, VALUE, value, (size_t)len);
  return into->len > MAX_OF_ONE ? E2BIG : 0;
}

static int list_attributes(const char *path, const struct texts *prefixes, struct buffer *into) {
  static char names[MAX_NAMES + 1];
  ssize_t len = llistxattr(path, names, MAX_NAMES);
  if (len < 0) return errno == ENOTSUP ? 0 : errno;
  names[len] = 0;
  int error = 0;
  for (ssize_t at = 0; error == 0 && at < len; at += (ssize_t)strlen(names + at) + 1)
    if (wanted(names + at, prefixes)) error = add_attribute(path, names + at, into);
  return error;
}

static int read_attributes(int root, const char *path, const struct texts *prefixes, struct buffer *into) {
  char whole[4200];
  const char *name;
  int dir = open_parent(root, path, &name);
  if (dir < 0) return errno;
  int len = snprintf(whole, sizeof whole, "/proc/self/fd/%d/%s", dir, name);
  int error = len >= (int)sizeof whole ? ENAMETOOLONG : list_attributes(whole, prefixes, into);
  close(dir);
  return error;
}

void attributes_job(const struct attributes_request *request, struct buffer *reply) {
  int root = open(request->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) {
    add_number(reply, STEP_ERRNO, (uint64_t)errno);
    return;
  }
  struct buffer one = {0};
  for (size_t i = 0; i < request->paths.count && reply->len < ENOUGH; i++) {
    one.len = 0;
    int error = read_attributes(root, request->paths.items[i], &request->prefixes, &one);
    if (error != 0) {
      one.len = 0;
      add_number(&one, ERRNO, (uint64_t)error);
    }
    add_bytes(reply, STEP_REPLY, one.data, one.len);
  }
  buffer_free(&one);
  close(root);
}
