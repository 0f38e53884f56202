#!/usr/bin/env bash
# Format, lint, types, architecture and unit tests: all that needs no container. Under a minute.
set -euo pipefail
EXTRA_TOOLS='openssl:openssl'
. scripts/setup.sh
say 'format and lint'
biome check --error-on-warnings .
say 'types'
tsc --noEmit
say 'native build'
make --silent -C native
say 'architecture and unit tests'
scripts/run-tests.sh unit
