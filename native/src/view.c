#define _GNU_SOURCE
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "overlay.h"
#include "process.h"

enum { PATIENCE_MS = 10000, FIRST_FREE_FD = 16 };

static int view_root = -1;

static int open_in(int root, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int open_of(uint64_t pid, const char *what, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%llu/%s", (unsigned long long)pid, what);
  return open(path, flags | O_CLOEXEC);
}

static bool same_file(int one, int other) {
  struct stat a, b;
  return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A pid may be another's by now: the shim is who works in its own directory. */
static const char *enter_shim(const struct view_request *request) {
  int mounts = open_of(request->shim_pid, "ns/mnt", O_RDONLY);
  int works_in = open_of(request->shim_pid, "cwd", O_PATH | O_DIRECTORY);
  int dir = open(request->shim_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (mounts < 0 || works_in < 0 || dir < 0) return "the shim";
  if (!same_file(works_in, dir)) return errno = ESRCH, "the shim";
  return setns(mounts, CLONE_NEWNS) < 0 ? "the shim's mounts" : NULL;
}

/* The container's process is the shim's child. -1 where it is gone. */
static int open_container(const struct view_request *request) {
  char text[512];
  unsigned long long parent = 0;
  int mounts = open_of(request->pid, "ns/mnt", O_RDONLY);
  int stat_file = open_of(request->pid, "stat", O_RDONLY);
  ssize_t got = stat_file < 0 ? -1 : read(stat_file, text, sizeof text - 1);
  if (stat_file >= 0) close(stat_file);
  text[got > 0 ? got : 0] = 0;
  const char *after_name = strrchr(text, ')');
  if (mounts >= 0 && after_name != NULL && sscanf(after_name, ") %*c %llu", &parent) == 1 && parent == request->shim_pid) return mounts;
  if (mounts >= 0) close(mounts);
  return -1;
}

/* What is mounted in the shared peer groups of the host must not hear of what is mounted in here. */
static int detach_from_peers(int tree, bool read_only) {
  struct mount_attr attributes = {.propagation = MS_PRIVATE, .attr_set = read_only ? MOUNT_ATTR_RDONLY : 0};
  return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes);
}

static int clone_tree(int at, const char *path, int flags) {
  return open_tree(at, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | (unsigned)flags);
}

/* The mount that stands at `destination` in the calling process's root, or -1. */
static int clone_mount_at(int root, const char *destination) {
  struct statx facts;
  int place = open_in(root, destination, O_PATH);
  if (place < 0) return -1;
  bool is_mount = statx(place, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &facts) == 0 && (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  int tree = is_mount ? clone_tree(place, "", AT_EMPTY_PATH) : -1;
  close(place);
  return tree;
}

/* A running container's own mounts are what it sees, unless its root is another's (a sandbox's). */
static const char *take_from_container(const struct view_request *request, int container, int *trees) {
  int here = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (here < 0 || setns(container, CLONE_NEWNS) < 0) return "the container's mounts";
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root >= 0 && same_file(root, view_root))
    for (size_t i = 0; i < request->mounts.count; i++) trees[i] = clone_mount_at(root, request->mounts.items[i].destination);
  if (root >= 0) close(root);
  return setns(here, CLONE_NEWNS) < 0 ? "the view's namespace" : NULL;
}

static void take_sources(const struct view_request *request, int *trees) {
  for (size_t i = 0; i < request->mounts.count; i++) {
    const char *source = request->mounts.items[i].source;
    if (source != NULL) trees[i] = clone_tree(AT_FDCWD, source, 0);
  }
}

/* Makes the directories of `path` that are missing, then an empty thing of the tree's kind to mount over, as a start of the container would. */
static int make_place(const char *path, bool is_directory) {
  char parent[4096];
  size_t len = strlen(path);
  if (len >= sizeof parent) return -1;
  for (size_t i = 1; i <= len; i++) {
    if (path[i] != '/' && path[i] != 0) continue;
    memcpy(parent, path, i);
    parent[i] = 0;
    int there = open_in(view_root, parent, O_PATH);
    if (there >= 0) {
      close(there);
      continue;
    }
    char *slash = strrchr(parent, '/');
    *slash = 0;
    int holder = open_in(view_root, slash == parent ? "/" : parent, O_PATH | O_DIRECTORY);
    if (holder < 0) return -1;
    int made = i < len || is_directory ? mkdirat(holder, slash + 1, 0755) : mknodat(holder, slash + 1, S_IFREG | 0755, 0);
    close(holder);
    if (made < 0) return -1;
  }
  return open_in(view_root, path, O_PATH);
}

/* What can't be shown is left out: its place in the root shows then. */
static void attach(const struct view_mount *mount, int tree, bool is_running) {
  struct stat facts;
  if (fstat(tree, &facts) < 0 || detach_from_peers(tree, mount->read_only) < 0) return;
  int place = open_in(view_root, mount->destination, O_PATH);
  if (place < 0 && !is_running) place = make_place(mount->destination, S_ISDIR(facts.st_mode));
  if (place < 0) return;
  move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  close(place);
}

static const char *open_root(const struct view_request *request) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return "mount namespace";
  const struct shim_request overlay = {.lower = request->lower, .upper = request->upper, .work = request->work, .target = request->target};
  if (request->shim_dir == NULL && mount_overlay(&overlay) < 0) return "root file system";
  view_root = open(request->target, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return view_root < 0 ? "root directory" : NULL;
}

static const char *show_mounts(const struct view_request *request, int container, int *trees) {
  const char *failed = container < 0 ? NULL : take_from_container(request, container, trees);
  if (failed != NULL) return failed;
  for (size_t i = 0; i < request->mounts.count; i++)
    if (trees[i] >= 0) attach(&request->mounts.items[i], trees[i], request->shim_dir != NULL);
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  if (request->read_only && mount_setattr(view_root, "", AT_EMPTY_PATH, &read_only, sizeof read_only) < 0) return "read-only root";
  return NULL;
}

const char *view_open(const struct view_request *request) {
  int *trees = must_alloc(calloc(request->mounts.count + 1, sizeof *trees));
  for (size_t i = 0; i < request->mounts.count; i++) trees[i] = -1;
  umask(0);
  int container = request->shim_dir != NULL && request->pid != 0 ? open_container(request) : -1;
  const char *failed = request->shim_dir != NULL ? enter_shim(request) : NULL;
  if (failed == NULL && unshare(CLONE_NEWNS) < 0) failed = "mount namespace";
  /* Before the root covers anything: its target may hold some of the sources. */
  if (failed == NULL) take_sources(request, trees);
  if (failed == NULL) failed = open_root(request);
  if (failed == NULL) failed = show_mounts(request, container, trees);
  free(trees);
  return failed;
}

/* Waits for the daemon to open the pipe and say so, then for it to let go. */
static void wait_for_end(int theirs, int ours) {
  char byte;
  struct pollfd hello = {.fd = theirs, .events = POLLIN};
  if (poll(&hello, 1, PATIENCE_MS) <= 0) return;
  close(ours);
  while (read(theirs, &byte, 1) > 0 || errno == EINTR) errno = 0;
}

void view_hold(int ready) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) _exit(1);
  int kept[4] = {view_root, ends[0], ends[1], ready};
  for (int i = 0; i < 4; i++) kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
  for (int i = 0; i < 4; i++) dup2(kept[i], VIEW_ROOT_FD + i);
  close_from(VIEW_ROOT_FD + 4);
  prctl(PR_SET_NAME, "gantry-view");
  reset_signals();
  close(VIEW_ROOT_FD + 3);
  wait_for_end(VIEW_END_FD, VIEW_END_FD + 1);
  _exit(0);
}
