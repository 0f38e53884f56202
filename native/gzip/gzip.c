/*
 * gantry-gzip: decompresses (-d) or compresses (-c) one file into another, or into a FIFO, with ISA-L.
 *   gantry-gzip -d|-c INPUT OUTPUT
 *   gantry-gzip -f INPUT OUTPUT LENGTHS
 * The second form decompresses a file that is still being written: whoever writes it says through the FIFO LENGTHS, in native 64-bit numbers, how many
 * bytes there are, and closes it when there are all. All are opened first; from then on the process may only read, write and exit (seccomp strict mode), whatever the bytes do to it.
 * Status: 0 done, 1 usage or a file that cannot be opened, 2 broken gzip data, 3 a read or write that failed (for a full disk: the errno is in the text).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DONE = 0, USAGE = 1, BROKEN = 2, FAILED = 3 };
/* Small enough that what one side writes is still in the processor's cache when the other one reads it. */
enum { CHUNK = 1 << 17, PIPE_SIZE = 1 << 18 };

static uint8_t input[CHUNK], output[CHUNK], level_buffer[ISAL_DEF_LVL1_DEFAULT];
static int in_fd, out_fd, lengths_fd = -1;
/* Bytes of the input that were read, and that may be while it grows. */
static uint64_t taken, available;

/* exit_group, which _exit() makes, is not allowed in strict mode. */
static _Noreturn void leave(int status, const char *text) {
  if (text[0] != 0) (void)!write(2, text, strlen(text));
  for (;;) syscall(SYS_exit, status);
}

static size_t read_some(int fd, void *buffer, size_t size) {
  for (;;) {
    ssize_t got = read(fd, buffer, size);
    if (got >= 0) return (size_t)got;
    if (errno != EINTR) leave(FAILED, "cannot read the input");
  }
}

/* Waits until there is something to read that was not read yet, or all is there. */
static void await_growth(void) {
  uint64_t lengths[512];
  while (lengths_fd >= 0 && taken >= available) {
    size_t got = read_some(lengths_fd, lengths, sizeof lengths);
    /* Eight bytes are written at once (pipe(7), PIPE_BUF). */
    if (got % sizeof lengths[0] != 0) leave(FAILED, "broken lengths");
    if (got == 0) lengths_fd = -1;
    for (size_t at = 0; at < got / sizeof lengths[0]; at++)
      if (lengths[at] > available) available = lengths[at];
  }
}

/* Returns 0 at the end of the input. */
static uint32_t fill(void) {
  await_growth();
  size_t size = sizeof input;
  if (lengths_fd >= 0 && available - taken < size) size = (size_t)(available - taken);
  size_t got = read_some(in_fd, input, size);
  taken += got;
  return (uint32_t)got;
}

static void drain(size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t wrote = write(out_fd, output + done, length - done);
    if (wrote > 0) done += (size_t)wrote;
    else if (errno != EINTR) leave(FAILED, errno == ENOSPC || errno == EDQUOT ? "ENOSPC" : "cannot write the output");
  }
}

static struct inflate_state inflater;

static void begin_member(void) {
  isal_inflate_reset(&inflater);
  inflater.crc_flag = ISAL_GZIP;
}

/* True where another member follows (RFC 1952, 2.2); padding and other bytes behind the last one are left alone, as gzip does. */
static bool has_next_member(void) {
  if (inflater.avail_in == 0) {
    inflater.next_in = input;
    inflater.avail_in = fill();
  }
  return inflater.avail_in > 0 && inflater.next_in[0] == 0x1f;
}

static void decompress(void) {
  isal_inflate_init(&inflater);
  begin_member();
  for (;;) {
    if (inflater.avail_in == 0 && inflater.block_state != ISAL_BLOCK_FINISH) {
      inflater.next_in = input;
      inflater.avail_in = fill();
      if (inflater.avail_in == 0) leave(BROKEN, "unexpected end of file");
    }
    inflater.next_out = output;
    inflater.avail_out = sizeof output;
    int status = isal_inflate(&inflater);
    if (status == ISAL_INCORRECT_CHECKSUM) leave(BROKEN, "incorrect data check");
    if (status < 0) leave(BROKEN, "invalid compressed data");
    drain(sizeof output - inflater.avail_out);
    if (inflater.block_state != ISAL_BLOCK_FINISH) continue;
    if (!has_next_member()) return;
    begin_member();
  }
}

static struct isal_zstream deflater;

static void compress(void) {
  isal_deflate_init(&deflater);
  deflater.level = 1;
  deflater.level_buf = level_buffer;
  deflater.level_buf_size = sizeof level_buffer;
  deflater.gzip_flag = IGZIP_GZIP;
  deflater.flush = NO_FLUSH;
  while (deflater.internal_state.state != ZSTATE_END) {
    if (deflater.avail_in == 0 && !deflater.end_of_stream) {
      deflater.next_in = input;
      deflater.avail_in = fill();
      deflater.end_of_stream = deflater.avail_in == 0;
    }
    deflater.next_out = output;
    deflater.avail_out = sizeof output;
    if (isal_deflate(&deflater) != COMP_OK) leave(FAILED, "compression failed");
    drain(sizeof output - deflater.avail_out);
  }
}

int main(int argc, char **argv) {
  bool is_growing = argc == 5 && strcmp(argv[1], "-f") == 0;
  bool is_known = argc == 4 && (strcmp(argv[1], "-d") == 0 || strcmp(argv[1], "-c") == 0);
  if (!is_known && !is_growing) leave(USAGE, "usage: gantry-gzip -d|-c INPUT OUTPUT | -f INPUT OUTPUT LENGTHS\n");
  out_fd = open(argv[3], O_WRONLY | O_CLOEXEC);
  in_fd = open(argv[2], O_RDONLY | O_CLOEXEC);
  /* Not to wait for a writer: it may have said all, and gone. */
  if (is_growing) lengths_fd = open(argv[4], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (in_fd < 0 || out_fd < 0 || (is_growing && lengths_fd < 0)) leave(USAGE, "cannot open the files");
  if (lengths_fd >= 0 && fcntl(lengths_fd, F_SETFL, 0) < 0) leave(FAILED, "cannot wait for the input");
  fcntl(out_fd, F_SETPIPE_SZ, PIPE_SIZE);
#ifndef __SANITIZE_ADDRESS__ /* whose reports need more system calls */
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
    leave(FAILED, "cannot give up system calls");
#endif
  if (argv[1][1] == 'c') compress();
  else decompress();
  leave(DONE, "");
}
