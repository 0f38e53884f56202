#!/usr/bin/env bash
# Everything: sets the machine up, builds, checks, runs unit and integration tests. Ends with "N passed, N failed".
set -uo pipefail
EXTRA_TOOLS='runc:runc iptables:iptables docker-registry:docker-registry tmux:tmux curl:curl openssl:openssl script:bsdutils python3:python3 setpriv:util-linux skopeo:skopeo podman:podman docker-compose:docker-compose'
. scripts/setup.sh
# docker-py is one of the clients that the tests drive; test/support/python.ts falls back to a virtual environment.
python3 -c 'import docker' 2>/dev/null || EXTRA_TOOLS='gantry-no-such-command:python3-docker' install_packages || true
GANTRY_TEST_TALLY=$(mktemp)
export GANTRY_TEST_TALLY
trap 'rm -f "$GANTRY_TEST_TALLY"' EXIT
set +e
failed_steps=0
step() {
  local name=$1
  shift
  say "$name"
  "$@" || { printf '\033[31mfailed:\033[0m %s\n' "$name" >&2; failed_steps=$((failed_steps + 1)); }
}
tests_step() {
  local before after
  before=$(wc -l <"$GANTRY_TEST_TALLY")
  say "$1 tests"
  scripts/run-tests.sh "$1" || tests_failed=1
  after=$(wc -l <"$GANTRY_TEST_TALLY")
  # A run that died without counting is a failure of its own.
  [ "$after" -gt "$before" ] || failed_steps=$((failed_steps + 1))
}
tests_failed=0
step 'build' bash scripts/build.sh
step 'format and lint' biome check --error-on-warnings .
step 'types' tsc --noEmit
step 'native tests under ASan and UBSan' make --silent -C native test
tests_step unit
if [ "$(id -u)" = 0 ]; then
  tests_step integration
else
  printf '\033[31mfailed:\033[0m the integration tests need root\n' >&2
  failed_steps=$((failed_steps + 1))
fi
awk -v steps="$failed_steps" '{ p += $1; f += $2; s += $3 }
  END { line = (p + 0) " passed, " (f + steps) " failed"; if (s) line = line ", " s " skipped"; print line }' "$GANTRY_TEST_TALLY"
[ "$failed_steps" = 0 ] && [ "$tests_failed" = 0 ]
