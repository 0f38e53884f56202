#!/usr/bin/env bash
# Builds the native helper, the daemon, the command line and the registry into native/build and dist.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/link-node.sh
export PATH="$PWD/node_modules/.bin:$PATH"
command -v gcc >/dev/null && command -v make >/dev/null || { echo "gcc and make are missing (Debian: apt-get install gcc make libc6-dev linux-libc-dev)" >&2; exit 1; }

make --silent -C native
mkdir -p dist
banner='import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);'
bundle() {
  esbuild "$@" --bundle --platform=node --target=node24 --format=esm --outdir=dist --banner:js="$banner" \
    --sourcemap=linked --log-level=warning
}
bundle src/bin/gantryd.ts src/bin/gantry.ts
bundle gantry-registry=src/bin/registry.ts
# The thread that checks passwords is a file of its own.
bundle src/registry/access/bcrypt-worker.ts
# The threads that unpack and pack layers are files of their own.
bundle src/snapshots/unpack-worker.ts src/snapshots/archive/archive-worker.ts src/snapshots/archive/pack-worker.ts --outbase=src/snapshots --entry-names=[name]
# So is the thread that copies files into and out of containers.
bundle src/engine/archive/view-worker.ts
# And the one that counts sizes.
bundle src/engine/sizes/walk-worker.ts
# And those that copy and read the files of builds.
bundle src/build/files/files-worker.ts
# One executable that starts faster than Node.js does; bin/gantry falls back to dist/gantry.js without it.
if bun --version >/dev/null 2>&1; then
  # In pieces, of which a command loads its own; and deaf to a .env or bunfig.toml in the folder where it is called.
  (cd dist && bun build --compile --minify --bytecode --format=esm --splitting --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
    ../src/bin/gantry.ts --outfile gantry.tmp >/dev/null && mv gantry.tmp gantry)
fi
# What programs import: gantry/client and gantry/engine.
bash scripts/build-library.sh
