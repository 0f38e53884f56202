#include "shim.h"
int shim_main(void) { return 1; }
