#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "steps.h"

/* Of <linux/quota.h>, which does not go with <sys/quota.h>. */
enum { PROJECTS = 2 };
enum { BLOCK = 512 };
/* Fields of a reply. */
enum { IS_ENFORCED = 1, PROJECT = 2, LIMIT = 3, USED = 4, INODES = 5 };

/* quotactl_fd(2), Linux 5.14: names the file system by a file on it, and needs no device. 0 or a positive errno. */
static int quota_call(int fd, int command, uint32_t project, void *data) {
  return syscall(SYS_quotactl_fd, fd, QCMD(command, PROJECTS), project, data) < 0 ? errno : 0;
}

static int add_state(int root, struct buffer *into) {
  struct fs_quota_stat state = {.qs_version = FS_QSTAT_VERSION};
  int error = quota_call(root, Q_XGETQSTAT, 0, &state);
  /* A file system that has no quotas, or a kernel. */
  bool none = error == ENOSYS || error == EINVAL || error == ESRCH || error == ENOTTY || error == EOPNOTSUPP;
  if (error != 0 && !none) return error;
  add_number(into, IS_ENFORCED, error == 0 && (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0);
  return 0;
}

static int add_usage(int root, uint32_t project, struct buffer *into) {
  struct fs_disk_quota quota = {0};
  int error = quota_call(root, Q_XGETQUOTA, project, &quota);
  /* XFS knows nothing of a project that nobody has used. */
  if (error != 0 && error != ENOENT) return error;
  add_number(into, LIMIT, quota.d_blk_hardlimit * BLOCK);
  add_number(into, USED, quota.d_bcount * BLOCK);
  add_number(into, INODES, quota.d_icount);
  return 0;
}

static int set_limit(int root, uint32_t project, uint64_t bytes) {
  struct fs_disk_quota quota = {.d_version = FS_DQUOT_VERSION, .d_id = project, .d_flags = FS_PROJ_QUOTA};
  quota.d_fieldmask = FS_DQ_BHARD | FS_DQ_BSOFT;
  quota.d_blk_hardlimit = quota.d_blk_softlimit = bytes / BLOCK;
  return quota_call(root, Q_XSETQLIM, project, &quota);
}

/* A directory's project: what is made in it has the same. */
static int project_of(int dir, const struct quota_step *step, struct buffer *into) {
  struct fsxattr attributes;
  if (ioctl(dir, FS_IOC_FSGETXATTR, &attributes) < 0) return errno;
  if (step->kind == QUOTA_GET_PROJECT) {
    add_number(into, PROJECT, attributes.fsx_xflags & FS_XFLAG_PROJINHERIT ? attributes.fsx_projid : 0);
    return 0;
  }
  attributes.fsx_projid = (uint32_t)step->project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  return ioctl(dir, FS_IOC_FSSETXATTR, &attributes) < 0 ? errno : 0;
}

static int at_path(int root, const struct quota_step *step, struct buffer *into) {
  const char *name;
  int parent = open_parent(root, step->path, &name);
  if (parent < 0) return errno;
  int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int error = dir < 0 ? errno : project_of(dir, step, into);
  close(parent);
  if (dir >= 0) close(dir);
  return error;
}

static int take_step(int root, struct bytes encoded, struct buffer *into) {
  struct quota_step step;
  if (parse_quota_step(encoded, &step) != NULL) return EBADMSG;
  switch (step.kind) {
    case QUOTA_STATE:
      return add_state(root, into);
    case QUOTA_USAGE:
      return add_usage(root, (uint32_t)step.project, into);
    case QUOTA_LIMIT:
      return set_limit(root, (uint32_t)step.project, step.bytes);
    default:
      return at_path(root, &step, into);
  }
}

void quota_job(const struct quota_request *request, struct buffer *reply) {
  int root = open(request->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = root < 0 ? errno : 0;
  struct buffer one = {0};
  size_t i = 0;
  for (; error == 0 && i < request->steps.count; i++) {
    one.len = 0;
    error = take_step(root, request->steps.items[i], &one);
    if (error == 0) add_bytes(reply, STEP_REPLY, one.data, one.len);
  }
  buffer_free(&one);
  if (root >= 0) close(root);
  if (error == 0) return;
  add_number(reply, STEP_INDEX, i == 0 ? 0 : i - 1);
  add_number(reply, STEP_ERRNO, (uint64_t)error);
}
