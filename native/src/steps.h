/* Kernel work that Node.js has no call for: netlink batches, file operations, extended attributes, UNIX datagrams, project quotas. */
#ifndef STEPS_H
#define STEPS_H
#include "request.h"

/* A NETLINK_ROUTE socket in the calling thread's network namespace, or -1. */
int netlink_open(void);
/* Sends messages one after the other, each answered before the next. Adds one REPLY field a message to `replies` unless that is NULL.
   0, or a positive errno with `failed` telling which. */
int netlink_batch(int socket, const struct blobs *messages, struct buffer *replies, size_t *failed);

/* Bodies of jobs: run in a child, write reply fields into `reply`. */
void netlink_job(const struct netlink_request *request, struct buffer *reply);
void files_job(const struct file_request *request, struct buffer *reply);
void attributes_job(const struct attributes_request *request, struct buffer *reply);
void datagrams_job(const struct datagrams_request *request, struct buffer *reply);
void quota_job(const struct quota_request *request, struct buffer *reply);

/* Opens the directory that holds the last component of `path` below `root`, never leaving it, and points `name` at that component. */
int open_parent(int root, const char *path, const char **name);

/* Fields of both jobs' replies. */
enum { STEP_REPLY = 1, STEP_INDEX = 2, STEP_ERRNO = 3 };
#endif
