/* The layered root file system. */
#ifndef OVERLAY_H
#define OVERLAY_H
#include "request.h"

/* Mounts the overlay of `request` at its target, which is made where it is missing. 0, or -1 with errno. */
int mount_overlay(const struct shim_request *request);
#endif
