/* Shows the daemon a container's file system, with its mounts, in a mount namespace that nobody else is in. */
#ifndef VIEW_H
#define VIEW_H
#include "request.h"

/* Descriptors that the daemon opens through /proc: the root directory, and the pipe whose closing ends the view. */
enum { VIEW_ROOT_FD = 3, VIEW_END_FD = 4 };

/* Makes the view of `request`. NULL, or the step that failed, with errno. */
const char *view_open(const struct view_request *request);
/* Holds the view while the daemon has the pipe open. `ready` is closed once it is there. */
_Noreturn void view_hold(int ready);
#endif
