/* Supervises one container or exec: see docs/shim-protocol.md for its life. */
#ifndef SHIM_H
#define SHIM_H

/* Where the launcher leaves the request and listens for word of the set-up. */
enum { REQUEST_FD = 3, READY_FD = 4, HOST_NETNS_FD = 8, CONSOLE_FD = 9 };

int shim_main(void);
#endif
