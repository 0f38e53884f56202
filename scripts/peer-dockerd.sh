#!/usr/bin/env bash
# A dockerd from Debian's packages to compare with, unpacked but not installed, in a network namespace of its own:
#   peer-dockerd.sh prepare DIR          downloads and unpacks into DIR (once)
#   peer-dockerd.sh run DIR NETNS [DATA [FLAG…]] runs it in the foreground; its socket is DIR/docker.sock
# The host's own Docker, firewall and bridges are never touched.
set -euo pipefail
packages='docker.io containerd runc tini iptables libip4tc2 libip6tc2 libxtables12 libnetfilter-conntrack3 libnfnetlink0 libnftnl11 libdevmapper1.02.1 libseccomp2'

prepare() {
  local dir=$1 package
  [ ! -e "$dir/root/ready" ] || return 0
  mkdir -p "$dir/packages" "$dir/root"
  # shellcheck disable=SC2086
  (cd "$dir/packages" && { apt-get download $packages || { apt-get update && apt-get download $packages; }; }) >"$dir/apt.log" 2>&1 ||
    { tail -n 5 "$dir/apt.log" >&2; echo 'the packages of docker.io cannot be had: the comparison needs Debian 12' >&2; return 1; }
  for package in "$dir"/packages/*.deb; do dpkg -x "$package" "$dir/root"; done
  mkdir -p "$dir/root/sbin"
  ln -sf ../usr/sbin/xtables-nft-multi "$dir/root/sbin/iptables"
  ln -sf ../usr/sbin/xtables-nft-multi "$dir/root/sbin/ip6tables"
  touch "$dir/root/ready"
}

run() {
  local dir=$1 netns=$2 data=${3:-$1/data} root=$1/root library
  library=$(dirname "$(find "$root/usr/lib" -name 'libdevmapper.so*' -o -name 'libnftnl.so*' | head -n 1)")
  export LD_LIBRARY_PATH="$library:$root/lib/$(basename "$library")"
  export XTABLES_LIBDIR="$library/xtables"
  export PATH="$root/sbin:$root/usr/sbin:$root/usr/bin:$PATH"
  exec nsenter --net="/run/netns/$netns" dockerd --data-root "$data" --exec-root "$dir/exec" --host "unix://$dir/docker.sock" \
    --pidfile "$dir/docker.pid" --bip 172.31.250.1/24 "${@:4}"
}

case ${1:-} in
  prepare) prepare "$2" ;;
  run) run "${@:2}" ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
