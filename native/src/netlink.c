#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "steps.h"

static int open_protocol(int protocol) {
  int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (sock < 0) return -1;
  struct timeval patience = {.tv_sec = 10};
  setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return sock;
}

int netlink_open(void) { return open_protocol(NETLINK_ROUTE); }

/* Messages of nfnetlink have their subsystem in the high byte of the type; those of rtnetlink have nothing there. */
static int protocol_of(const struct blobs *messages) {
  struct nlmsghdr header = {0};
  if (messages->count > 0 && messages->items[0].len >= sizeof header)
    memcpy(&header, messages->items[0].data, sizeof header);
  return header.nlmsg_type > 0xff ? NETLINK_NETFILTER : NETLINK_ROUTE;
}

static bool well_formed(struct bytes message) {
  struct nlmsghdr header;
  if (message.len < sizeof header) return false;
  memcpy(&header, message.data, sizeof header);
  return header.nlmsg_len == message.len && (header.nlmsg_flags & NLM_F_ACK) != 0;
}

/* Goes through one datagram. 1: the answer is complete; 0: more follows; negative errno. */
static int take_datagram(const uint8_t *data, size_t len, struct buffer *reply) {
  while (len >= sizeof(struct nlmsghdr)) {
    struct nlmsghdr header;
    memcpy(&header, data, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > len) return -EBADMSG;
    if (header.nlmsg_type == NLMSG_DONE) return 1;
    if (header.nlmsg_type == NLMSG_ERROR) {
      int32_t error = -EBADMSG;
      if (header.nlmsg_len >= sizeof header + sizeof error) memcpy(&error, data + sizeof header, sizeof error);
      return error == 0 ? 1 : error;
    }
    buffer_append(reply, data, header.nlmsg_len);
    size_t step = NLMSG_ALIGN(header.nlmsg_len);
    if (step >= len) break;
    data += step;
    len -= step;
  }
  return 0;
}

static int exchange(int sock, struct bytes message, struct buffer *reply) {
  if (!well_formed(message)) return EINVAL;
  if (send(sock, message.data, message.len, 0) != (ssize_t)message.len) return errno;
  static uint8_t datagram[65536];
  for (;;) {
    ssize_t got = recv(sock, datagram, sizeof datagram, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    int state = take_datagram(datagram, (size_t)got, reply);
    if (state != 0) return state > 0 ? 0 : -state;
  }
}

int netlink_batch(int sock, const struct blobs *messages, struct buffer *replies, size_t *failed) {
  for (size_t i = 0; i < messages->count; i++) {
    struct buffer reply = {0};
    int error = exchange(sock, messages->items[i], &reply);
    if (error == 0 && replies != NULL) add_bytes(replies, STEP_REPLY, reply.data, reply.len);
    buffer_free(&reply);
    *failed = i;
    if (error != 0) return error;
  }
  return 0;
}

static int enter(const char *netns) {
  int fd = open(netns, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  return setns(fd, CLONE_NEWNET) < 0 ? errno : 0;
}

void netlink_job(const struct netlink_request *request, struct buffer *reply) {
  size_t failed = 0;
  int error = request->netns == NULL ? 0 : enter(request->netns);
  int sock = error == 0 ? open_protocol(protocol_of(&request->messages)) : -1;
  if (error == 0) error = sock < 0 ? errno : netlink_batch(sock, &request->messages, reply, &failed);
  if (error == 0) return;
  add_number(reply, STEP_INDEX, failed);
  add_number(reply, STEP_ERRNO, (uint64_t)error);
}
