#!/usr/bin/env bash
# Brings docker's buildx, which Debian 12 has no package of, without installing it:
#   buildx.sh DIR   puts docker-buildx into DIR/cli-plugins, for a docker command line with DOCKER_CONFIG=DIR. Does nothing where it is there.
# Taken from the first of these that has it: the host's own plug-ins, Debian's next suite (by the mirror that apt uses already, with lists of
# its own, so that apt's stay as they are), and its Go module.
set -euo pipefail
suite=trixie
module=github.com/docker/buildx
version=v0.24.0

from_host() {
  local directory
  for directory in /usr/libexec/docker /usr/lib/docker /usr/local/libexec/docker /usr/local/lib/docker; do
    [ -x "$directory/cli-plugins/docker-buildx" ] || continue
    cp "$directory/cli-plugins/docker-buildx" "$1"
    return 0
  done
  return 1
}

# The first address in apt's own lists that ends in /debian.
mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?' | head -n 1
}

from_suite() {
  local work=$2 address keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v apt-get >/dev/null || return 1
  address=$(mirror)
  [ -n "$address" ] || return 1
  mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$address" "$suite" "$keyring" >"$work/parts/next.sources"
  local options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache")
  (cd "$work" && timeout 120 apt-get "${options[@]}" update && timeout 120 apt-get "${options[@]}" download docker-buildx) >"$work/log" 2>&1 || return 1
  dpkg-deb -x "$work"/docker-buildx_*.deb "$work/root"
  cp "$(find "$work/root" -path '*/cli-plugins/docker-buildx' -type f)" "$1"
}

from_module() {
  local work=$2
  command -v go >/dev/null || return 1
  mkdir -p "$work/module"
  (cd "$work/module" && go mod init buildx && timeout 300 go get "$module@$version" && timeout 600 go build -mod=mod -o "$1" "$module/cmd/buildx") >"$work/log" 2>&1
}

[ $# = 1 ] || { sed -n '3,5p' "$0" >&2; exit 2; }
target=$1/cli-plugins/docker-buildx
[ ! -x "$target" ] || exit 0
mkdir -p "$1/cli-plugins"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for way in from_host from_suite from_module; do
  if "$way" "$work/docker-buildx" "$work"; then
    chmod 755 "$work/docker-buildx"
    mv "$work/docker-buildx" "$target"
    exit 0
  fi
done
echo 'docker-buildx is neither on this host, nor in a Debian suite that apt reaches, nor can Go build it' >&2
exit 1
