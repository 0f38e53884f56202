/* How the process ended, and its durable record. */
#ifndef STATUS_H
#define STATUS_H
#include <stdbool.h>
#include <stdint.h>

struct exit_status { int code; int64_t finished_ms; bool oom; };

/* Is the `oom_kill` counter of a memory.oom_control (v1) or memory.events (v2) above 0? */
bool oom_killed(const char *file);
bool text_tells_oom(const char *text);
/* Writes `exit` in the working directory: once it is there, it is whole and survives a crash. */
bool status_write(const struct exit_status *status);
#endif
