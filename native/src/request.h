/* What a peer asks for, read from a frame's body into plain structs. All pointers point into that body. */
#ifndef REQUEST_H
#define REQUEST_H
#include "wire.h"

/* NULL-terminated, as execve wants it. */
struct texts { char **items; size_t count; };
struct blobs { struct bytes *items; size_t count; };

struct command_request {
  struct texts argv, env, hide;
  char *cwd;
  struct bytes input;
  uint64_t timeout_ms, max_output;
};

struct netlink_request { char *netns; struct blobs messages; };

struct file_request { char *root; struct blobs operations; };
enum { FILE_MKNOD = 1, FILE_SETXATTR = 2, FILE_UTIME = 3, FILE_SETXATTR_OPEN = 4 };
struct file_operation {
  char *path, *name;
  struct bytes value;
  uint64_t kind, mode, major, minor, seconds, nanoseconds;
};

/* Paths below `root`, of which the extended attributes are read whose names begin with one of `prefixes`. */
struct attributes_request { char *root; struct texts paths, prefixes; };

/* Messages for the datagram socket at `path`. */
struct datagrams_request { char *path; struct blobs messages; };

/* Steps on the project quotas of the file system that has the directory `root`. */
struct quota_request { char *root; struct blobs steps; };
enum { QUOTA_STATE = 1, QUOTA_GET_PROJECT = 2, QUOTA_SET_PROJECT = 3, QUOTA_USAGE = 4, QUOTA_LIMIT = 5 };
struct quota_step { char *path; uint64_t kind, project, bytes; };

enum { NET_HOST = 0, NET_NEW = 1, NET_PATH = 2 };
struct shim_request {
  char *dir;
  struct bytes memo;
  struct texts start_argv, delete_argv, env, hide, lower, sysctls;
  char *upper, *work, *target, *netns, *log_path, *log_attributes, *oom_file, *spill_dir;
  struct blobs inside, outside;
  uint64_t private_mounts, terminal, open_stdin, stdin_once, columns, rows;
  uint64_t network, log_max_size, log_max_files, log_buffer, spill_limit;
};

/* One mount in a view: `source` on the host, or NULL where only the running container itself has it. */
struct view_mount { char *source, *destination; uint64_t read_only; };
struct view_mounts { struct view_mount *items; size_t count; };

/* A container's file system to be shown: that of a running shim, or with `shim_dir` NULL the overlay. */
struct view_request {
  char *shim_dir, *upper, *work, *target;
  uint64_t shim_pid, pid, read_only;
  struct texts lower;
  struct blobs encoded;
  struct view_mounts mounts; /* those in `encoded`, parsed */
};

/* Each returns NULL, or what is wrong with the body. Release with the matching free even then. */
const char *parse_command(struct bytes body, struct command_request *into);
const char *parse_netlink(struct bytes body, struct netlink_request *into);
const char *parse_files(struct bytes body, struct file_request *into);
const char *parse_file_operation(struct bytes body, struct file_operation *into);
const char *parse_attributes(struct bytes body, struct attributes_request *into);
const char *parse_datagrams(struct bytes body, struct datagrams_request *into);
const char *parse_quota(struct bytes body, struct quota_request *into);
const char *parse_quota_step(struct bytes body, struct quota_step *into);
const char *parse_shim(struct bytes body, struct shim_request *into);
const char *parse_view(struct bytes body, struct view_request *into);
void free_command(struct command_request *request);
void free_netlink(struct netlink_request *request);
void free_files(struct file_request *request);
void free_attributes(struct attributes_request *request);
void free_datagrams(struct datagrams_request *request);
void free_quota(struct quota_request *request);
void free_shim(struct shim_request *request);
void free_view(struct view_request *request);
#endif
