/* What a shim holds on the host: its mounts and its network. All of it goes when the shim goes. */
#ifndef NAMESPACES_H
#define NAMESPACES_H
#include "request.h"

struct timings { uint64_t mount_us, network_us, runtime_us; };

/* Enters the namespaces of `request`, in the shim's directory. NULL, or the step that failed, with errno. */
const char *enter_namespaces(const struct shim_request *request, struct timings *timings);
/* Gives up mounts and network at once, for a shim that still has output to deliver. */
void leave_namespaces(const struct shim_request *request);
uint64_t clock_us(void);
#endif
