# Brings a bare Debian-like host to the point where Gantry builds and runs. Sourced by the other scripts, from the checkout's root.
# Does nothing where everything is there already. Callers may set EXTRA_TOOLS to "command:package …" for more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf '\033[31merror:\033[0m %s\n' "$*" >&2; exit 1; }

# command:package, for what is found by the command's name.
base_tools="crun:crun nft:nftables ip:iproute2 gcc:gcc make:make busybox:busybox-static ps:procps"

missing_packages() {
  local pair
  for pair in $base_tools ${EXTRA_TOOLS:-}; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair##*:}"
  done
  [ -e /usr/include/stdio.h ] || printf 'libc6-dev '
  [ -e /usr/include/linux/netlink.h ] || printf 'linux-libc-dev '
  [ -e /usr/include/isa-l/igzip_lib.h ] || printf 'libisal-dev '
}

install_packages() {
  local packages
  packages=$(missing_packages)
  [ -n "$packages" ] || return 0
  [ "$(id -u)" = 0 ] || die "these packages are missing: $packages- install them, or run this as root"
  command -v apt-get >/dev/null || die "these programs are missing: $packages- install them with this system's package manager"
  say "installing Debian packages: $packages"
  # shellcheck disable=SC2086
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages >/tmp/gantry-apt.log 2>&1; then
    apt-get update >/tmp/gantry-apt.log 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages >/tmp/gantry-apt.log 2>&1 ||
      { tail -n 20 /tmp/gantry-apt.log >&2; die "apt-get could not install: $packages- is there a package mirror in /etc/apt/sources.list?"; }
  fi
}

install_modules() {
  local stamp
  stamp=$(cksum <package-lock.json)
  if [ -x node_modules/.bin/node ] && [ "$(cat node_modules/.gantry-stamp 2>/dev/null)" = "$stamp" ]; then return 0; fi
  command -v npm >/dev/null || die "npm is missing: install Node.js 18 or newer with npm (Debian: apt-get install nodejs npm)"
  say "installing the Node.js packages (npm ci)"
  npm ci --no-progress --loglevel=error >&2 || die "npm ci failed: can this host reach its npm registry?"
  . scripts/link-node.sh
  [ -x node_modules/.bin/node ] || die "npm brought no Node.js for $(uname -sm): Gantry runs on Linux on x64 and arm64"
  printf '%s' "$stamp" >node_modules/.gantry-stamp
}

install_packages
install_modules
export PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"
