#!/usr/bin/env bash
# Measures Gantry beside a dockerd from Debian's packages in one run: npm run bench [-- --only NAME] [--runs N] [--json FILE]
set -euo pipefail
EXTRA_TOOLS='docker-registry:docker-registry hyperfine:hyperfine iperf3:iperf3 curl:curl nsenter:util-linux'
. scripts/setup.sh
[ "$(id -u)" = 0 ] || die 'the measurements need root'
bash scripts/build.sh
exec node scripts/bench/bench.ts "$@"
