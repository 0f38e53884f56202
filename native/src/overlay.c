#define _GNU_SOURCE
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Layers are named by descriptors: short enough for any number of them, and no host path shows in the container's /proc/mounts. */
enum { MAX_LAYERS = 500, FD_NAME = 32 };
struct layers { int lower[MAX_LAYERS], upper, work; size_t count; };

/* Features by which a directory's or a file's content is not where its name is. */
static const char *const plain[] = {"redirect_dir", "metacopy"};

static int open_layer(const char *path) {
  return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_layers(const struct shim_request *request, struct layers *layers) {
  if (request->lower.count > MAX_LAYERS) return errno = E2BIG, -1;
  for (; layers->count < request->lower.count; layers->count++) {
    int fd = open_layer(request->lower.items[layers->count]);
    if (fd < 0) return -1;
    layers->lower[layers->count] = fd;
  }
  layers->upper = open_layer(request->upper);
  layers->work = open_layer(request->work);
  return layers->upper < 0 || layers->work < 0 ? -1 : 0;
}

static void close_layers(const struct layers *layers) {
  for (size_t i = 0; i < layers->count; i++) close(layers->lower[i]);
  if (layers->upper >= 0) close(layers->upper);
  if (layers->work >= 0) close(layers->work);
}

static int set(int context, const char *key, int fd) {
  char name[FD_NAME];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return fsconfig(context, FSCONFIG_SET_STRING, key, name, 0);
}

static int configure(int context, const struct layers *layers) {
  for (size_t i = 0; i < layers->count; i++)
    if (set(context, "lowerdir+", layers->lower[i]) < 0) return -1;
  /* What a container wrote can then be read from its upper directory alone, whatever the kernel was built with. */
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    if (fsconfig(context, FSCONFIG_SET_STRING, plain[i], "off", 0) < 0 && errno != EINVAL) return -1;
  if (set(context, "upperdir", layers->upper) < 0 || set(context, "workdir", layers->work) < 0) return -1;
  return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* Linux 6.8 and newer: one call a layer. */
static int mount_by_context(const struct layers *layers, const char *target) {
  int context = fsopen("overlay", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay", 0);
  int result = configure(context, layers);
  int tree = result < 0 ? -1 : fsmount(context, FSMOUNT_CLOEXEC, 0);
  if (tree >= 0) result = move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
  int error = errno;
  if (tree >= 0) close(tree);
  close(context);
  errno = error;
  return tree < 0 ? -1 : result;
}

/* Older kernels: all layers in one string of at most a page. */
static int mount_by_string(const struct layers *layers, const char *target) {
  char options[MAX_LAYERS * FD_NAME];
  int len = 0;
  for (size_t i = 0; i < layers->count; i++)
    len += snprintf(options + len, sizeof options - (size_t)len, "%s/proc/self/fd/%d", i == 0 ? "lowerdir=" : ":", layers->lower[i]);
  len += snprintf(options + len, sizeof options - (size_t)len, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,redirect_dir=off,metacopy=off", layers->upper,
                  layers->work);
  if (len >= 4095) return errno = E2BIG, -1;
  return mount("overlay", target, "overlay", 0, options);
}

int mount_overlay(const struct shim_request *request) {
  struct layers layers = {.upper = -1, .work = -1};
  if (mkdir(request->target, 0700) < 0 && errno != EEXIST) return -1;
  int result = open_layers(request, &layers);
  if (result == 0) result = mount_by_context(&layers, request->target);
  if (result < 0 && layers.work >= 0 && (errno == ENOSYS || errno == EINVAL)) result = mount_by_string(&layers, request->target);
  int error = errno;
  close_layers(&layers);
  errno = error;
  return result;
}
