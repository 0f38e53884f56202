/* What every child does before it becomes another program. */
#ifndef PROCESS_H
#define PROCESS_H
#include <stdint.h>

#include "request.h"

int64_t now_ms(void);        /* monotonic */
int64_t wall_clock_ms(void); /* since the epoch */
/* Back to default signals: what is ignored here must not be ignored in a container. */
void reset_signals(void);
/* A mount namespace of one's own, which still receives the host's new mounts, without the mounts in `hide`. 0 or -1. */
int private_mounts(const struct texts *hide);
/* Closes all descriptors from `first` on. */
void close_from(unsigned first);
#endif
