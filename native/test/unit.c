/* Unit tests of the parts that read foreign bytes or must not lose any. Run under ASan and UBSan. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "queue.h"
#include "request.h"
#include "status.h"
#include "steps.h"

static char dir[] = "/tmp/gantry-unit-XXXXXX";

static void test_frames(void) {
  int fds[2];
  assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  struct buffer frame = {0};
  frame_begin(&frame, 7, 99);
  add_number(&frame, 1, 0x1122334455667788);
  add_text(&frame, 2, "text");
  frame_end(&frame);
  struct inbox inbox = {.max_body = 1000};
  struct frame got;
  for (size_t i = 0; i < frame.len; i++) { /* byte by byte */
    assert(inbox_next(&inbox, &got) == 0);
    assert(send(fds[0], frame.data + i, 1, 0) == 1 && inbox_fill(&inbox, fds[1]) == 1);
  }
  assert(inbox_next(&inbox, &got) == 1 && got.type == 7 && got.id == 99);
  uint32_t tag;
  struct bytes value;
  assert(next_field(&got.body, &tag, &value) == 1 && tag == 1 && get_u64(value.data) == 0x1122334455667788);
  assert(next_field(&got.body, &tag, &value) == 1 && tag == 2 && value.len == 4);
  assert(next_field(&got.body, &tag, &value) == 0);
  assert(inbox_fill(&inbox, fds[1]) == 0);
  put_u32(frame.data, 1001);
  assert(send_all(fds[0], frame.data, frame.len) && inbox_fill(&inbox, fds[1]) == 1);
  assert(inbox_next(&inbox, &got) == -1);
  close(fds[0]);
  close(fds[1]);
  buffer_free(&frame);
  buffer_free(&inbox.bytes);
}

static void test_requests(void) {
  struct buffer body = {0};
  struct command_request command;
  assert(parse_command((struct bytes){0}, &command) != NULL);
  for (int i = 0; i < 20; i++) add_bytes(&body, 1, "arg", 4);
  add_number(&body, 6, 5);
  assert(parse_command((struct bytes){body.data, body.len}, &command) == NULL);
  assert(command.argv.count == 20 && command.argv.items[20] == NULL && command.timeout_ms == 5);
  free_command(&command);
  const struct { uint32_t tag; const char *data; size_t len; } bad[] = {
    {1, "open", 4}, {1, "a\0b", 4}, {1, "", 0}, {6, "1234567", 7}, {99, "x", 1},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t before = body.len;
    add_bytes(&body, bad[i].tag, bad[i].data, bad[i].len);
    assert(parse_command((struct bytes){body.data, body.len}, &command) != NULL);
    free_command(&command);
    body.len = before;
  }
  assert(parse_command((struct bytes){body.data, body.len - 1}, &command) != NULL);
  free_command(&command);
  buffer_free(&body);
}

static char *read_file(const char *name, size_t *len) {
  int fd = open(name, O_RDONLY);
  struct buffer content = {0};
  assert(fd >= 0 && read_all(fd, &content, SIZE_MAX));
  close(fd);
  *len = content.len;
  buffer_append(&content, "", 1);
  return (char *)content.data;
}

static void test_datagrams(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "receiver"};
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  assert(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  struct bytes messages[] = {{(const uint8_t *)"one", 3}, {(const uint8_t *)"", 0}, {(const uint8_t *)"three", 5}};
  struct datagrams_request request = {"receiver", {messages, 3}};
  struct buffer reply = {0};
  datagrams_job(&request, &reply);
  assert(reply.len == 0);
  char got[16];
  const ssize_t lengths[] = {3, 0, 5};
  for (int i = 0; i < 3; i++) assert(recv(fd, got, sizeof got, MSG_DONTWAIT) == lengths[i]);
  static uint8_t huge[1 << 20];
  messages[1] = (struct bytes){huge, sizeof huge};
  datagrams_job(&request, &reply);
  struct bytes rest = {reply.data, reply.len}, value;
  uint32_t tag;
  assert(next_field(&rest, &tag, &value) == 1 && tag == STEP_INDEX && get_u64(value.data) == 1);
  assert(next_field(&rest, &tag, &value) == 1 && tag == STEP_ERRNO && get_u64(value.data) == EMSGSIZE);
  close(fd);
  reply.len = 0;
  datagrams_job(&request, &reply);
  rest = (struct bytes){reply.data, reply.len};
  assert(next_field(&rest, &tag, &value) == 1 && get_u64(value.data) == 0);
  assert(next_field(&rest, &tag, &value) == 1 && get_u64(value.data) == ECONNREFUSED);
  buffer_free(&reply);
}

static void test_queue(void) {
  int fds[2];
  assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  struct queue queue = {.file = -1, .dir = ".", .limit = 8 << 20};
  uint32_t next_in = 0, next_out = 0;
  static uint32_t words[5000], got[20000];
  for (int round = 0; round < 600; round++) {
    size_t count = (size_t)(round * 7919 % 5000) + 1;
    for (size_t i = 0; i < count; i++) words[i] = next_in++;
    assert(queue_push(&queue, words, count * 4) && queue_send(&queue, fds[0]));
    if (round % 3 != 0) continue;
    ssize_t len = recv(fds[1], got, sizeof got, MSG_DONTWAIT);
    for (ssize_t i = 0; i < len / 4; i++) assert(got[i] == next_out++);
    assert(len % 4 == 0);
  }
  while (next_out < next_in) {
    assert(queue_send(&queue, fds[0]));
    ssize_t len = recv(fds[1], got, sizeof got, MSG_DONTWAIT);
    for (ssize_t i = 0; i < len / 4; i++) assert(got[i] == next_out++);
  }
  assert(queue_empty(&queue));
  bool kept = true;
  for (int i = 0; kept && i < 1000; i++) kept = queue_push(&queue, words, sizeof words);
  assert(!kept); /* the limit */
  queue_free(&queue);
  close(fds[1]);
  close(fds[0]);
}

static void test_status(void) {
  size_t len;
  assert(text_tells_oom("low 0\noom 3\noom_kill 1\n") && text_tells_oom("oom_kill 12"));
  assert(!text_tells_oom("oom_kill_disable 1\nunder_oom 0\noom_kill 0\n") && !text_tells_oom(""));
  struct exit_status status = {137, 1700000000123, true};
  assert(status_write(&status));
  char *content = read_file("exit", &len);
  assert(strcmp(content, "137 1700000000123 1\n") == 0);
  free(content);
}

/* The number of attributes of the `index`th answer, or minus its errno; `value` gets the first one's. */
static int attributes_of(const struct buffer *reply, int index, struct bytes *value) {
  struct bytes rest = {reply->data, reply->len}, one;
  uint32_t tag;
  for (int i = 0; i <= index; i++) assert(next_field(&rest, &tag, &one) == 1 && tag == STEP_REPLY);
  int count = 0;
  struct bytes field;
  while (next_field(&one, &tag, &field) == 1) {
    if (tag == 3) return -(int)get_u64(field.data);
    if (tag == 2 && count++ == 0) *value = field;
  }
  return count;
}

static void test_attributes(void) {
  assert(mkdir("tree", 0700) == 0 && symlink("/etc/passwd", "tree/link") == 0 && symlink("/", "tree/out") == 0);
  for (int i = 0; i < 2; i++) close(open(i == 0 ? "tree/file" : "outside", O_CREAT | O_WRONLY, 0600));
  if (setxattr("tree/file", "user.a", "1\0" "2", 3, 0) < 0) return; /* a file system without */
  assert(setxattr("tree/file", "user.b", "", 0, 0) == 0 && setxattr("outside", "user.secret", "s", 1, 0) == 0);
  char *paths[] = {"file", "missing", "link", "../outside", "out/outside", "..", "file/x", NULL};
  char *prefixes[] = {"user.", "security.cap", NULL};
  struct attributes_request request = {"tree", {paths, 7}, {prefixes, 2}};
  struct buffer reply = {0};
  struct bytes value = {0};
  attributes_job(&request, &reply);
  assert(attributes_of(&reply, 0, &value) == 2 && value.len == 3 && memcmp(value.data, "1\0" "2", 3) == 0);
  assert(attributes_of(&reply, 1, &value) == -ENOENT && attributes_of(&reply, 2, &value) == 0);
  assert(attributes_of(&reply, 3, &value) == -ENOENT && attributes_of(&reply, 4, &value) == -ENOENT);
  assert(attributes_of(&reply, 5, &value) == -EINVAL && attributes_of(&reply, 6, &value) == -ENOTDIR);
  reply.len = 0;
  request.prefixes.items = (char *[]){"user.b", NULL};
  request.prefixes.count = 1;
  attributes_job(&request, &reply);
  assert(attributes_of(&reply, 0, &value) == 1 && value.len == 0);
  reply.len = 0;
  request.root = "nowhere";
  attributes_job(&request, &reply);
  assert(reply.len > 0 && get_u32(reply.data) == STEP_ERRNO);
  buffer_free(&reply);
}

static void add_step(struct buffer *body, uint64_t kind, const char *path, uint64_t project) {
  add_number(body, 1, kind);
  if (path != NULL) add_bytes(body, 2, path, strlen(path) + 1);
  if (project != 0) add_number(body, 3, project);
  add_number(body, 4, 1 << 20);
}

static bool is_step(uint64_t kind, const char *path, uint64_t project) {
  struct buffer body = {0};
  struct quota_step step;
  add_step(&body, kind, path, project);
  const char *wrong = parse_quota_step((struct bytes){body.data, body.len}, &step);
  buffer_free(&body);
  return wrong == NULL;
}

/* What needs a file system with project quotas is tested by the integration tests, in a virtual machine. */
static void test_quota(void) {
  assert(is_step(QUOTA_STATE, NULL, 0) && is_step(QUOTA_LIMIT, NULL, 5) && is_step(QUOTA_SET_PROJECT, "a", UINT32_MAX));
  assert(!is_step(0, "a", 5) && !is_step(QUOTA_LIMIT + 1, "a", 5) && !is_step(QUOTA_GET_PROJECT, NULL, 0));
  assert(!is_step(QUOTA_LIMIT, NULL, 0) && !is_step(QUOTA_SET_PROJECT, "a", 0) && !is_step(QUOTA_USAGE, NULL, 1ull << 32));
  struct buffer state = {0}, link = {0}, reply = {0};
  add_step(&state, QUOTA_STATE, NULL, 0);
  add_step(&link, QUOTA_SET_PROJECT, "link-to-dir", 5);
  assert(symlink("tree", "link-to-dir") == 0);
  struct quota_request request = {"/proc", {(struct bytes[]){{state.data, state.len}}, 1}};
  quota_job(&request, &reply);
  struct bytes rest = {reply.data, reply.len}, one, value;
  uint32_t tag;
  assert(next_field(&rest, &tag, &one) == 1 && tag == STEP_REPLY);
  assert(next_field(&one, &tag, &value) == 1 && tag == 1 && get_u64(value.data) == 0); /* not enforced */
  reply.len = 0;
  request = (struct quota_request){".", {(struct bytes[]){{link.data, link.len}}, 1}};
  quota_job(&request, &reply);
  rest = (struct bytes){reply.data, reply.len};
  assert(next_field(&rest, &tag, &value) == 1 && tag == STEP_INDEX && get_u64(value.data) == 0);
  assert(next_field(&rest, &tag, &value) == 1 && tag == STEP_ERRNO && get_u64(value.data) == ENOTDIR);
  buffer_free(&state);
  buffer_free(&link);
  buffer_free(&reply);
}

static void test_long_reply(void) {
  static char value[3000];
  static char *paths[3000];
  struct buffer reply = {0};
  close(open("tree/large", O_CREAT | O_WRONLY, 0600));
  if (setxattr("tree/large", "user.large", value, sizeof value, 0) < 0) return;
  for (int i = 0; i < 3000; i++) paths[i] = "large";
  struct attributes_request request = {"tree", {paths, 3000}, {(char *[]){"user.", NULL}, 1}};
  attributes_job(&request, &reply);
  assert(reply.len > 4u << 20 && reply.len < (4u << 20) + 4000);
  assert(attributes_of(&reply, 1000, &(struct bytes){0}) == 1);
  buffer_free(&reply);
}

int main(void) {
  assert(mkdtemp(dir) != NULL && chdir(dir) == 0);
  test_frames();
  test_requests();
  test_datagrams();
  test_queue();
  test_status();
  test_attributes();
  test_quota();
  test_long_reply();
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", dir);
  assert(system(command) == 0);
  puts("8 passed, 0 failed");
  return 0;
}
