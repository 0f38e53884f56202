#!/usr/bin/env bash
# Builds what programs import, gantry/client and gantry/engine, into dist/library: JavaScript in pieces that both share, and declarations.
# The engine's threads are files of their own beside it: build.sh has made them before.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

made=$(mktemp -d dist/library.XXXXXX)
trap 'rm -rf "$made"' EXIT
banner='import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);'
esbuild client=src/client/library.ts engine=src/bin/engine-library.ts --bundle --splitting --platform=node --target=node24 --format=esm \
  --outdir="$made" --chunk-names='parts/[name]-[hash]' --banner:js="$banner" --log-level=warning
node scripts/library-declarations.ts "$made/types"
cp dist/*-worker.js "$made/parts/"
chmod 755 "$made"
rm -rf dist/library
mv "$made" dist/library
