/* Unit tests of the log: lines, rotation, compressed files, and what waits for a slow disk. Run under ASan and UBSan. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logger.h"

static char dir[] = "/tmp/gantry-log-XXXXXX";

static struct line line;
static struct log log_file;
static const struct timespec when = {1700000000, 5};

static char *read_file(const char *name, size_t *len) {
  int fd = open(name, O_RDONLY);
  struct buffer content = {0};
  assert(fd >= 0 && read_all(fd, &content, SIZE_MAX));
  close(fd);
  *len = content.len;
  buffer_append(&content, "", 1);
  return (char *)content.data;
}

static void expect_log(const char *data, size_t len, const char *expected) {
  size_t got_len;
  unlink("log");
  memset(&log_file, 0, sizeof log_file);
  assert(log_open(&log_file, "log", 0, 1));
  for (size_t i = 0; i < len; i++) log_write(&log_file, &line, "stdout", (const uint8_t *)data + i, 1, when);
  log_finish(&log_file, &line, "stdout", when);
  log_flush(&log_file);
  close(log_file.fd);
  char *got = read_file("log", &got_len);
  char *end = strstr(got, "\",\"stream\":\"stdout\",\"time\":\"");
  assert(end != NULL && strncmp(got, "{\"log\":\"", 8) == 0);
  *end = 0;
  if (strcmp(got + 8, expected) != 0) fprintf(stderr, "got %s\nnot %s\n", got + 8, expected);
  assert(strcmp(got + 8, expected) == 0);
  free(got);
}

static void test_log(void) {
  expect_log("plain\n", 6, "plain\\n");
  expect_log("\"\\\t\r<>&\x7f\n", 9, "\\\"\\\\\\u0009\\r\\u003c\\u003e\\u0026\x7f\\n");
  expect_log("\xe2\x82\xac", 3, "\xe2\x82\xac");
  expect_log("\xe2\x82", 2, "\\ufffd\\ufffd");
  expect_log("\xed\xa0\x80", 3, "\\ufffd\\ufffd\\ufffd");           /* surrogate */
  expect_log("\xc0\x80\xf5", 3, "\\ufffd\\ufffd\\ufffd");           /* overlong, beyond Unicode */
  expect_log("\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80");
  expect_log("\xe2\x80\xa8\xe2\x80\xa9", 6, "\\u2028\\u2029");
  expect_log("\0\x1f", 2, "\\u0000\\u001f");
}

static void test_rotation(void) {
  size_t len;
  unlink("log");
  assert(log_open(&log_file, "log", 500, 3));
  log_file.len = 0;
  for (int i = 0; i < 100; i++) log_write(&log_file, &line, "stderr", (const uint8_t *)"0123456789\n", 11, when);
  log_flush(&log_file);
  close(log_file.fd);
  const char *names[] = {"log", "log.1", "log.2"};
  for (int i = 0; i < 3; i++) {
    char *content = read_file(names[i], &len);
    assert(len > 0 && len < 600 && content[len - 1] == '\n' && content[0] == '{');
    free(content);
  }
  assert(access("log.3", F_OK) < 0);
}

static void make_file(const char *name, const char *content) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
  close(fd);
}

static ino_t inode_of(const char *name) {
  struct stat info;
  return stat(name, &info) < 0 ? 0 : info.st_ino;
}

static void log_lines(int count) {
  for (int i = 0; i < count; i++) log_write(&log_file, &line, "stdout", (const uint8_t *)"0123456789\n", 11, when);
  log_flush(&log_file);
}

/* A rotated file is compressed by somebody else, and moves on meanwhile. */
static void test_compressed(void) {
  const char *names[] = {"log", "log.1", "log.2", "log.3"};
  for (int i = 0; i < 4; i++) unlink(names[i]);
  memset(&log_file, 0, sizeof log_file);
  assert(log_open(&log_file, "log", 200, 4));
  log_lines(4); /* three fill a file */
  ino_t inode = inode_of("log.1");
  make_file("made", "compressed");
  log_lines(3);
  assert(inode_of("log.2") == inode);
  assert(log_replace(&log_file, inode, "made") == 0);
  assert(inode_of("log.2") == 0 && inode_of("log.2.gz") != 0 && inode_of("made") == 0);
  assert(log_replace(&log_file, inode, "made") == ENOENT);
  assert(log_replace(&log_file, inode_of("log.1"), "made") == ENOENT); /* no such file to put there */
  assert(inode_of("log.1") != 0);
  log_lines(3);
  assert(inode_of("log.3.gz") != 0 && inode_of("log.2.gz") == 0 && inode_of("log.2") != 0);
  log_lines(3);
  assert(inode_of("log.3.gz") == 0 && inode_of("log.3") != 0);
  assert(log_clear(&log_file) == 0);
  assert(inode_of("log") != 0 && inode_of("log.1") == 0 && inode_of("log.3") == 0 && log_file.size == 0);
  log_lines(1);
  size_t len;
  free(read_file("log", &len));
  assert(len > 50 && len < 100);
  close(log_file.fd);
}

/* With one file, it makes way for a new one. */
static void test_one_file(void) {
  unlink("log");
  assert(log_open(&log_file, "log", 200, 1));
  ino_t inode = inode_of("log");
  int reader = open("log", O_RDONLY);
  log_lines(4);
  assert(inode_of("log") != inode && inode_of("log.1") == 0);
  assert(lseek(reader, 0, SEEK_END) > 200);
  close(reader);
  close(log_file.fd);
}

static void test_attributes_of_lines(void) {
  static char text[LOG_BUFFER + 1000];
  size_t len;
  memset(text, 'x', sizeof text - 1);
  unlink("log");
  memset(&log_file, 0, sizeof log_file);
  assert(log_open(&log_file, "log", 0, 1));
  log_file.attributes = "\"attrs\":{\"a\":\"b\"},";
  log_lines(1);
  log_file.attributes = text; /* longer than the buffer */
  log_lines(2);
  char *content = read_file("log", &len);
  const char start[] = "{\"log\":\"0123456789\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"b\"},\"time\":\"2";
  assert(strncmp(content, start, sizeof start - 1) == 0);
  assert(len > 2 * sizeof text && strstr(content, "\",xxx") != NULL && content[len - 1] == '\n');
  free(content);
  close(log_file.fd);
  memset(&log_file, 0, sizeof log_file);
}

/* A long line is cut between characters, unless it is no UTF-8 anyway. */
static void test_long_lines(void) {
  static uint8_t data[3 * MAX_LINE];
  const struct { const char *text; size_t first; } cases[] = {
    {"x", MAX_LINE}, {"\xc3\xa4", MAX_LINE}, {"\xe2\x82\xac", MAX_LINE - 1}, {"x\xf0\x9f\x98\x80", MAX_LINE - 3}, {"\xbf", MAX_LINE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t unit = strlen(cases[i].text), len = MAX_LINE / unit * unit + unit;
    for (size_t at = 0; at < len; at += unit) memcpy(data + at, cases[i].text, unit);
    for (size_t step = 1; step <= len; step += len / 2) {
      unlink("log");
      memset(&log_file, 0, sizeof log_file);
      assert(log_open(&log_file, "log", 0, 1));
      for (size_t at = 0; at < len; at += step) log_write(&log_file, &line, "stdout", data + at, len - at < step ? len - at : step, when);
      assert(line.len == len - cases[i].first);
      log_finish(&log_file, &line, "stdout", when);
      log_flush(&log_file);
      close(log_file.fd);
    }
  }
}

/* A pipe stands for a disk that takes nothing for a while. */
static void test_slow_disk(void) {
  static struct logger logger;
  char text[64];
  unlink("slow");
  assert(mkfifo("slow", 0600) == 0);
  int disk = open("slow", O_RDWR | O_NONBLOCK);
  assert(disk >= 0 && logger_open(&logger, "slow", 0, 1, 100000));
  int lines = 20000;
  for (int i = 0; i < lines; i++) { /* in two halves, so that lines are cut where pieces are dropped */
    int len = snprintf(text, sizeof text, "line %d\n", i);
    logger_write(&logger, 0, (const uint8_t *)text, 4);
    logger_write(&logger, 0, (const uint8_t *)text + 4, (size_t)len - 4);
  }
  pthread_mutex_lock(&logger.queue_lock);
  assert(logger.waiting <= 100000);
  pthread_mutex_unlock(&logger.queue_lock);
  struct buffer got = {0};
  char chunk[4096];
  for (bool closed = false; !closed;) {
    ssize_t len = read(disk, chunk, sizeof chunk);
    if (len > 0) buffer_append(&got, chunk, (size_t)len);
    if (len > 0) continue;
    pthread_mutex_lock(&logger.queue_lock);
    closed = logger.waiting == 0;
    pthread_mutex_unlock(&logger.queue_lock);
    usleep(1000);
  }
  logger_write(&logger, 0, (const uint8_t *)"later\nrest", 10);
  logger_end(&logger, 0);
  logger_close(&logger);
  for (ssize_t len; (len = read(disk, chunk, sizeof chunk)) > 0;) buffer_append(&got, chunk, (size_t)len);
  buffer_append(&got, "", 1);
  int count = 0, number, last = -1;
  for (char *at = (char *)got.data; (at = strstr(at, "{\"log\":\"line ")) != NULL; at++, count++) {
    assert(sscanf(at, "{\"log\":\"line %d\\n\",\"stream\":\"stdout\"", &number) == 1 && number > last);
    last = number;
  }
  assert(count > 5000 && count < lines);
  assert(strstr((char *)got.data, "{\"log\":\"later\\n\"") != NULL && strstr((char *)got.data, "{\"log\":\"rest\",") != NULL);
  buffer_free(&got);
  close(disk);
  close(logger.log.fd);
}

static void test_logger(void) {
  static struct logger logger;
  size_t len;
  unlink("log");
  assert(logger_open(&logger, "log", 0, 1, 1 << 20));
  logger_write(&logger, 0, (const uint8_t *)"old\n", 4);
  assert(logger_clear(&logger) == 0);
  logger_write(&logger, 1, (const uint8_t *)"new\n", 4);
  logger_close(&logger);
  char *content = read_file("log", &len);
  assert(strstr(content, "new") != NULL && strstr(content, "stderr") != NULL);
  assert(strncmp(content, "{\"log\":\"", 8) == 0 && logger_replace(&logger, 1, "x") == ENOENT);
  free(content);
  close(logger.log.fd);
}

int main(void) {
  assert(mkdtemp(dir) != NULL && chdir(dir) == 0);
  test_log();
  test_rotation();
  test_compressed();
  test_one_file();
  test_attributes_of_lines();
  test_long_lines();
  test_slow_disk();
  test_logger();
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", dir);
  assert(system(command) == 0);
  puts("8 passed, 0 failed");
  return 0;
}
