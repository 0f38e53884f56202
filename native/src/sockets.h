/* Makes sockets in the network namespaces of containers: Node.js has no setns(2). */
#ifndef SOCKETS_H
#define SOCKETS_H

/* Serves lines "ID PATH" on `requests` until it ends, PATH being a network namespace's. Each is answered on `channel`, which is that of a child process
   of Node.js (NODE_CHANNEL_FD), by a datagram socket and a stream socket on 127.0.0.11, a port of the kernel's choice each, or by an errno. */
int sockets_main(int requests, int channel);
#endif
