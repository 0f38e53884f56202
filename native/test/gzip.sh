#!/usr/bin/env bash
# Feeds a gantry-gzip built with sanitizers broken files: it may refuse them (status 2) or not (0), and nothing else.
#   gzip.sh PROGRAM ROUNDS
set -euo pipefail
program=$(realpath "$1") rounds=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
head -c 20000 "$program" >plain
gzip -n -c plain >good.gz
: >out
"$program" -d good.gz out && cmp out plain
: >small.gz
"$program" -c plain small.gz && gzip -dc small.gz | cmp - plain
size=$(stat -c %s good.gz)
for ((i = 0; i < rounds; i++)); do
  cp good.gz bad.gz
  for ((j = 0; j <= i % 4; j++)); do
    printf "\\x$(printf %02x $((RANDOM % 256)))" | dd of=bad.gz bs=1 seek=$(((RANDOM * 32768 + RANDOM) % (i % 2 ? size : 40))) conv=notrunc status=none
  done
  [ $((i % 5)) -ne 0 ] || truncate -s $((RANDOM % size)) bad.gz
  status=0
  "$program" -d bad.gz out 2>err || status=$?
  [ $status = 0 ] || [ $status = 2 ] || { echo "status $status: $(cat err)" >&2; exit 1; }
done
echo "gzip: $rounds broken files, all refused or read"
