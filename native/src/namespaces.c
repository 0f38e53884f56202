#define _GNU_SOURCE
#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "overlay.h"
#include "process.h"
#include "shim.h"
#include "steps.h"

/* In the shim's directory, which is its working directory. */
static const char netns_file[] = "netns";

uint64_t clock_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Writes one `PATH=VALUE` below /proc/sys/net, which shows the caller's network namespace. */
static int write_sysctl(const char *setting) {
  char path[512];
  const char *equals = strchr(setting, '=');
  if (equals == NULL || strstr(setting, "../") != NULL) return errno = EINVAL, -1;
  int len = snprintf(path, sizeof path, "/proc/sys/net/%.*s", (int)(equals - setting), setting);
  if (len >= (int)sizeof path) return errno = ENAMETOOLONG, -1;
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t put = write(fd, equals + 1, strlen(equals + 1));
  int error = errno;
  close(fd);
  errno = error;
  return put < 0 ? -1 : 0;
}

/* Those of an interface that isn't there yet are left for a second round. */
static int write_sysctls(const struct texts *settings, bool last_round) {
  for (size_t i = 0; i < settings->count; i++)
    if (write_sysctl(settings->items[i]) < 0 && (last_round || errno != ENOENT)) return -1;
  return 0;
}

static const char *send_batch(int sock, const struct blobs *messages, const char *name) {
  static char step[64];
  size_t failed = 0;
  if (messages->count == 0) return NULL;
  int error = sock < 0 ? errno : netlink_batch(sock, messages, NULL, &failed);
  if (error == 0) return NULL;
  snprintf(step, sizeof step, "network (%s, message %zu)", name, failed);
  errno = error;
  return step;
}

static const char *make_network(const struct shim_request *request) {
  int outside = netlink_open();
  if (unshare(CLONE_NEWNET) < 0) return "network namespace";
  int inside = netlink_open();
  const char *failed = write_sysctls(&request->sysctls, false) < 0 ? "network parameters" : NULL;
  if (failed == NULL) failed = send_batch(inside, &request->inside, "inside");
  if (failed == NULL && write_sysctls(&request->sysctls, true) < 0) failed = "network parameters";
  if (failed == NULL) failed = send_batch(outside, &request->outside, "outside");
  int error = errno;
  close(inside);
  close(outside);
  errno = error;
  return failed;
}

static const char *join_network(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int result = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return result < 0 ? "network namespace to join" : NULL;
}

static const char *enter_network(const struct shim_request *request) {
  if (request->network == NET_HOST) return NULL;
  const char *failed = request->network == NET_NEW ? make_network(request) : join_network(request->netns);
  if (failed != NULL) return failed;
  int fd = open(netns_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return "network namespace's file";
  close(fd);
  return mount("/proc/self/ns/net", netns_file, NULL, MS_BIND, NULL) < 0 ? "network namespace's mount" : NULL;
}

const char *enter_namespaces(const struct shim_request *request, struct timings *timings) {
  uint64_t begin = clock_us();
  if (request->private_mounts && private_mounts(&request->hide) < 0) return "mount namespace";
  if (request->target != NULL && mount_overlay(request) < 0) return "root file system";
  uint64_t mounted = clock_us();
  const char *failed = enter_network(request);
  timings->mount_us = mounted - begin;
  timings->network_us = clock_us() - mounted;
  return failed;
}

void leave_namespaces(const struct shim_request *request) {
  if (request->target != NULL) umount2(request->target, MNT_DETACH);
  if (request->network == NET_HOST) return;
  umount2(netns_file, MNT_DETACH);
  unlink(netns_file);
  setns(HOST_NETNS_FD, CLONE_NEWNET);
}
