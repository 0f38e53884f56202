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
# A file that grows: what is there is read, and no byte before it is.
mkfifo lengths
number() { perl -e 'print pack("Q", $ARGV[0])' "$1"; }
: >growing.gz && : >out
"$program" -f growing.gz out lengths & reader=$!
exec 3>lengths
head -c 5000 good.gz >>growing.gz && number 5000 >&3
head -c 7000 good.gz | tail -c 2000 >>growing.gz && number 7000 >&3
tail -c +7001 good.gz >>growing.gz
exec 3>&-
wait $reader && cmp out plain
size=$(stat -c %s good.gz)
# One whose writer broke off, or has gone before it was looked at.
head -c 5000 good.gz >short.gz
status=0
exec 3<>lengths
(number 5000 >&3; sleep 0.2; exec 3>&-) & "$program" -f short.gz out lengths 2>err 3>&- & reader=$!
exec 3>&-
wait $reader || status=$?
[ $status = 2 ] || { echo "status $status for a file that broke off: $(cat err)" >&2; exit 1; }
: >out
timeout 10 "$program" -f good.gz out lengths && cmp out plain
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
