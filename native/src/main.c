/* gantry-shim: the native part of Gantry. It has no policy: requests say exactly what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher.h"
#include "shim.h"
#include "sockets.h"

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "launcher") == 0) return launcher_main(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "shim") == 0) return shim_main();
  if (argc == 4 && strcmp(argv[1], "sockets") == 0) return sockets_main(atoi(argv[2]), atoi(argv[3]));
  fputs("usage: gantry-shim launcher FD\n(started by gantryd; see docs/shim-protocol.md)\n", stderr);
  return 2;
}
