#!/usr/bin/env bash
# From a fresh clone to a running container in one command. --keep leaves it running and says how to use it.
set -euo pipefail
. scripts/setup.sh
[ "$(id -u)" = 0 ] || die 'a container engine needs root: run this as root'
say 'building'
bash scripts/build.sh
exec node scripts/quickstart.ts "$@"
