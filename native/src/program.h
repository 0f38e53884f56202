/* Runs the OCI runtime: its arguments come with the request. */
#ifndef PROGRAM_H
#define PROGRAM_H
#include <sys/types.h>

#include "request.h"

/* The shim's ends of the process's standard streams; -1 where there is none. */
struct streams { int in, out, err; };

/* Names in the shim's directory. */
#define PID_FILE "init.pid"
#define CONSOLE_SOCKET "console.sock"

/* Forks the runtime that starts the process; `console` is the socket on which it will hand over the terminal, or -1.
   Its pid, or -1. In a terminal's case `err` gets what the runtime itself writes. */
pid_t program_start(const struct shim_request *request, struct streams *streams, int *console);
/* Forks the runtime that removes the container. */
pid_t program_delete(const struct shim_request *request);
/* Takes the terminal that came over `console`; -1 where none did. */
int program_take_terminal(int console, const struct shim_request *request);
/* The pid that the runtime wrote, or -1. */
pid_t program_read_pid(void);
#endif
