/* Serves the daemon: starts helper commands, netlink batches, file operations and shims, each in a child. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

/* Serves frames on `control` until it is closed. */
int launcher_main(int control);
#endif
