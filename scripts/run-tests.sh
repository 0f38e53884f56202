#!/usr/bin/env bash
# Runs one set of tests: run-tests.sh unit|integration [pattern]. Appends "passed failed skipped" to $GANTRY_TEST_TALLY where that is set.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"
set_name=$1
pattern=${2:-}
case $set_name in
  unit) files=$(git ls-files -co --exclude-standard 'src/**/*.test.ts' 'test/architecture/*.test.ts' 'test/registry/*.test.ts'); concurrency=2; limit=60000 ;;
  integration) files=$(git ls-files -co --exclude-standard 'test/integration/*.test.ts' 'test/api-spec/*.test.ts'); concurrency=1; limit=300000 ;;
  *) echo "unknown set of tests: $set_name (unit or integration)" >&2; exit 2 ;;
esac
# Variants of what other files test, and virtual machines: not on each run.
slow='iptables-legacy|network-modes-iptables|egress-network|volumes-quota'
if [ -z "$pattern" ] && [ -z "${GANTRY_TEST_ALL:-}" ] && printf '%s\n' "$files" | grep -qE "$slow"; then
  printf '%s\n' "$files" | grep -E "$slow" | sed 's/^/- left out, run by GANTRY_TEST_ALL=1: /'
  files=$(printf '%s\n' "$files" | grep -vE "$slow")
fi
[ -z "$pattern" ] || files=$(printf '%s\n' "$files" | grep -- "$pattern")
[ -n "$files" ] || { echo "no test file matches ${pattern:-anything}" >&2; exit 2; }
# shellcheck disable=SC2086
exec node --test --test-concurrency=$concurrency --test-timeout=$limit --test-reporter=./scripts/test-reporter.ts $files
