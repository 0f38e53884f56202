#include "request.h"

#include <stdlib.h>
#include <string.h>

enum kind { TEXT, TEXTS, NUMBER, BLOB, BLOBS };
struct field { uint32_t tag; enum kind kind; size_t offset; };

enum { MAX_LIST = 65536 };

/* Doubles an array's room each time its count reaches a power of two; one slot more than needed stays for a terminator. */
static void *grow(void *items, size_t count, size_t size) {
  if ((count & (count + 1)) != 0) return items;
  return must_alloc(reallocarray(items, 2 * count + 2, size));
}

/* Texts come with their terminating NUL and have no other. */
static char *as_text(struct bytes value) {
  if (value.len == 0 || memchr(value.data, 0, value.len) != value.data + value.len - 1) return NULL;
  return (char *)(uintptr_t)value.data;
}

static const char *store_text(void *slot, enum kind kind, struct bytes value) {
  char *text = as_text(value);
  if (text == NULL) return "text without its end, or with a NUL inside";
  if (kind == TEXT) {
    if (*(char **)slot != NULL) return "field given twice";
    *(char **)slot = text;
    return NULL;
  }
  struct texts *list = slot;
  if (list->count == MAX_LIST) return "list too long";
  list->items = grow(list->items, list->count, sizeof *list->items);
  list->items[list->count++] = text;
  list->items[list->count] = NULL;
  return NULL;
}

static const char *store_blob(void *slot, enum kind kind, struct bytes value) {
  if (kind == BLOB) {
    *(struct bytes *)slot = value;
    return NULL;
  }
  struct blobs *list = slot;
  if (list->count == MAX_LIST) return "list too long";
  list->items = grow(list->items, list->count, sizeof *list->items);
  list->items[list->count++] = value;
  return NULL;
}

static const char *store(void *slot, enum kind kind, struct bytes value) {
  switch (kind) {
    case TEXT:
    case TEXTS:
      return store_text(slot, kind, value);
    case BLOB:
    case BLOBS:
      return store_blob(slot, kind, value);
    case NUMBER:
      if (value.len != 8) return "number that is not 8 bytes";
      *(uint64_t *)slot = get_u64(value.data);
      return NULL;
  }
  return "unknown kind";
}

static const char *parse(struct bytes body, const struct field *fields, size_t count, void *into) {
  uint32_t tag;
  struct bytes value;
  int more;
  while ((more = next_field(&body, &tag, &value)) > 0) {
    size_t i = 0;
    while (i < count && fields[i].tag != tag) i++;
    if (i == count) return "unknown field";
    const char *wrong = store((char *)into + fields[i].offset, fields[i].kind, value);
    if (wrong != NULL) return wrong;
  }
  return more < 0 ? "field longer than its frame" : NULL;
}

#define FIELD(tag, kind, type, member) {tag, kind, offsetof(struct type, member)}
#define PARSE(body, fields, into) parse(body, fields, sizeof fields / sizeof *fields, into)

static const struct field command_fields[] = {
  FIELD(1, TEXTS, command_request, argv),       FIELD(2, TEXTS, command_request, env),
  FIELD(3, TEXTS, command_request, hide),       FIELD(4, TEXT, command_request, cwd),
  FIELD(5, BLOB, command_request, input),       FIELD(6, NUMBER, command_request, timeout_ms),
  FIELD(7, NUMBER, command_request, max_output),
};

const char *parse_command(struct bytes body, struct command_request *into) {
  *into = (struct command_request){.timeout_ms = 30000, .max_output = 1 << 20};
  const char *wrong = PARSE(body, command_fields, into);
  if (wrong != NULL) return wrong;
  if (into->argv.count == 0) return "command without a program";
  return into->max_output > (64u << 20) ? "too much output asked for" : NULL;
}

static const struct field netlink_fields[] = {
  FIELD(1, TEXT, netlink_request, netns),
  FIELD(2, BLOBS, netlink_request, messages),
};

const char *parse_netlink(struct bytes body, struct netlink_request *into) {
  *into = (struct netlink_request){0};
  return PARSE(body, netlink_fields, into);
}

static const struct field files_fields[] = {
  FIELD(1, TEXT, file_request, root),
  FIELD(2, BLOBS, file_request, operations),
};

const char *parse_files(struct bytes body, struct file_request *into) {
  *into = (struct file_request){0};
  const char *wrong = PARSE(body, files_fields, into);
  return wrong == NULL && into->root == NULL ? "no root" : wrong;
}

static const struct field operation_fields[] = {
  FIELD(1, NUMBER, file_operation, kind),    FIELD(2, TEXT, file_operation, path),
  FIELD(3, NUMBER, file_operation, mode),    FIELD(4, NUMBER, file_operation, major),
  FIELD(5, NUMBER, file_operation, minor),   FIELD(6, TEXT, file_operation, name),
  FIELD(7, BLOB, file_operation, value),     FIELD(8, NUMBER, file_operation, seconds),
  FIELD(9, NUMBER, file_operation, nanoseconds),
};

const char *parse_file_operation(struct bytes body, struct file_operation *into) {
  *into = (struct file_operation){0};
  const char *wrong = PARSE(body, operation_fields, into);
  if (wrong != NULL) return wrong;
  if (into->path == NULL || into->kind < FILE_MKNOD || into->kind > FILE_SETXATTR_OPEN) return "no path or kind";
  return (into->kind == FILE_SETXATTR || into->kind == FILE_SETXATTR_OPEN) && into->name == NULL ? "no attribute name" : NULL;
}

static const struct field attributes_fields[] = {
  FIELD(1, TEXT, attributes_request, root),
  FIELD(2, TEXTS, attributes_request, paths),
  FIELD(3, TEXTS, attributes_request, prefixes),
};

const char *parse_attributes(struct bytes body, struct attributes_request *into) {
  *into = (struct attributes_request){0};
  const char *wrong = PARSE(body, attributes_fields, into);
  return wrong == NULL && into->root == NULL ? "no root" : wrong;
}

static const struct field datagrams_fields[] = {
  FIELD(1, TEXT, datagrams_request, path),
  FIELD(2, BLOBS, datagrams_request, messages),
};

const char *parse_datagrams(struct bytes body, struct datagrams_request *into) {
  *into = (struct datagrams_request){0};
  const char *wrong = PARSE(body, datagrams_fields, into);
  return wrong == NULL && into->path == NULL ? "no path" : wrong;
}

static const struct field quota_fields[] = {
  FIELD(1, TEXT, quota_request, root),
  FIELD(2, BLOBS, quota_request, steps),
};

const char *parse_quota(struct bytes body, struct quota_request *into) {
  *into = (struct quota_request){0};
  const char *wrong = PARSE(body, quota_fields, into);
  return wrong == NULL && into->root == NULL ? "no root" : wrong;
}

static const struct field quota_step_fields[] = {
  FIELD(1, NUMBER, quota_step, kind),
  FIELD(2, TEXT, quota_step, path),
  FIELD(3, NUMBER, quota_step, project),
  FIELD(4, NUMBER, quota_step, bytes),
};

const char *parse_quota_step(struct bytes body, struct quota_step *into) {
  *into = (struct quota_step){0};
  const char *wrong = PARSE(body, quota_step_fields, into);
  if (wrong != NULL) return wrong;
  if (into->kind < QUOTA_STATE || into->kind > QUOTA_LIMIT) return "no such step";
  bool at_path = into->kind == QUOTA_GET_PROJECT || into->kind == QUOTA_SET_PROJECT;
  if (at_path && into->path == NULL) return "no path";
  /* Project 0 is everything that has none: it is never given out nor bounded. */
  bool by_number = into->kind != QUOTA_STATE && into->kind != QUOTA_GET_PROJECT;
  return by_number && (into->project == 0 || into->project > UINT32_MAX) ? "no such project" : NULL;
}

static const struct field shim_fields[] = {
  FIELD(1, TEXT, shim_request, dir),             FIELD(2, BLOB, shim_request, memo),
  FIELD(3, TEXTS, shim_request, start_argv),     FIELD(4, TEXTS, shim_request, delete_argv),
  FIELD(5, TEXTS, shim_request, env),            FIELD(6, TEXTS, shim_request, hide),
  FIELD(7, NUMBER, shim_request, private_mounts), FIELD(8, TEXTS, shim_request, lower),
  FIELD(9, TEXT, shim_request, upper),           FIELD(10, TEXT, shim_request, work),
  FIELD(11, TEXT, shim_request, target),         FIELD(12, NUMBER, shim_request, network),
  FIELD(13, TEXT, shim_request, netns),          FIELD(14, BLOBS, shim_request, inside),
  FIELD(15, BLOBS, shim_request, outside),       FIELD(16, TEXTS, shim_request, sysctls),
  FIELD(17, NUMBER, shim_request, terminal),     FIELD(18, NUMBER, shim_request, open_stdin),
  FIELD(19, NUMBER, shim_request, stdin_once),   FIELD(20, NUMBER, shim_request, columns),
  FIELD(21, NUMBER, shim_request, rows),         FIELD(22, TEXT, shim_request, log_path),
  FIELD(23, NUMBER, shim_request, log_max_size), FIELD(24, NUMBER, shim_request, log_max_files),
  FIELD(25, TEXT, shim_request, oom_file),       FIELD(26, TEXT, shim_request, spill_dir),
  FIELD(27, NUMBER, shim_request, spill_limit),  FIELD(28, TEXT, shim_request, log_attributes),
  FIELD(29, NUMBER, shim_request, log_buffer),
};

const char *parse_shim(struct bytes body, struct shim_request *into) {
  *into = (struct shim_request){.spill_limit = 1 << 30};
  const char *wrong = PARSE(body, shim_fields, into);
  if (wrong != NULL) return wrong;
  if (into->dir == NULL || into->dir[0] != '/') return "no absolute directory";
  if (into->start_argv.count == 0) return "nothing to start";
  if (into->network > NET_PATH || (into->network == NET_PATH && into->netns == NULL)) return "no such network";
  if ((into->network != NET_HOST || into->target != NULL) && !into->private_mounts)
    return "mounts need a namespace of their own";
  if (into->target != NULL && (into->lower.count == 0 || into->upper == NULL || into->work == NULL))
    return "root without its layers";
  return into->columns > 65535 || into->rows > 65535 ? "terminal too large" : NULL;
}

static const struct field view_fields[] = {
  FIELD(1, TEXT, view_request, shim_dir),   FIELD(2, NUMBER, view_request, shim_pid),
  FIELD(3, NUMBER, view_request, pid),      FIELD(4, TEXTS, view_request, lower),
  FIELD(5, TEXT, view_request, upper),      FIELD(6, TEXT, view_request, work),
  FIELD(7, TEXT, view_request, target),     FIELD(8, NUMBER, view_request, read_only),
  FIELD(9, BLOBS, view_request, encoded),
};

static const struct field view_mount_fields[] = {
  FIELD(1, TEXT, view_mount, source),
  FIELD(2, TEXT, view_mount, destination),
  FIELD(3, NUMBER, view_mount, read_only),
};

static const char *parse_view_mounts(const struct blobs *encoded, struct view_mounts *into) {
  into->items = must_alloc(calloc(encoded->count + 1, sizeof *into->items));
  for (; into->count < encoded->count; into->count++) {
    struct view_mount *mount = &into->items[into->count];
    const char *wrong = PARSE(encoded->items[into->count], view_mount_fields, mount);
    if (wrong != NULL) return wrong;
    if (mount->destination == NULL || mount->destination[0] != '/') return "mount without an absolute destination";
  }
  return NULL;
}

const char *parse_view(struct bytes body, struct view_request *into) {
  *into = (struct view_request){0};
  const char *wrong = PARSE(body, view_fields, into);
  if (wrong != NULL) return wrong;
  if (into->target == NULL || into->target[0] != '/') return "no absolute target";
  if (into->shim_dir == NULL && (into->lower.count == 0 || into->upper == NULL || into->work == NULL)) return "root without its layers";
  if (into->shim_dir != NULL && (into->shim_pid < 2 || into->shim_pid > INT32_MAX || into->pid > INT32_MAX)) return "no such process";
  return parse_view_mounts(&into->encoded, &into->mounts);
}

void free_command(struct command_request *request) {
  free(request->argv.items);
  free(request->env.items);
  free(request->hide.items);
}

void free_netlink(struct netlink_request *request) {
  free(request->messages.items);
}

void free_files(struct file_request *request) {
  free(request->operations.items);
}

void free_attributes(struct attributes_request *request) {
  free(request->paths.items);
  free(request->prefixes.items);
}

void free_datagrams(struct datagrams_request *request) {
  free(request->messages.items);
}

void free_quota(struct quota_request *request) {
  free(request->steps.items);
}

void free_shim(struct shim_request *request) {
  free(request->start_argv.items);
  free(request->delete_argv.items);
  free(request->env.items);
  free(request->hide.items);
  free(request->lower.items);
  free(request->sysctls.items);
  free(request->inside.items);
  free(request->outside.items);
}

void free_view(struct view_request *request) {
  free(request->lower.items);
  free(request->encoded.items);
  free(request->mounts.items);
}
