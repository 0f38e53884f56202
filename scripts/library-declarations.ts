/** Writes the declarations of `gantry/client` and `gantry/engine` into a folder: of all that the compiler emits, what the two entries reach. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';

const entries = ['client/library.d.ts', 'bin/engine-library.d.ts'];
const specifier = /((?:from|import)\s*\(?\s*['"])(\.[^'"]+)\.ts(['"])/g;

const target = process.argv[2];
if (target === undefined) throw new Error('usage: library-declarations.ts FOLDER');
const emitted = mkdtempSync(join(tmpdir(), 'gantry-declarations-'));
try {
  // What is wrong with types anywhere, `npm run check` says.
  const tsc = spawnSync('tsc', ['-p', 'tsconfig.library.json', '--noCheck', '--outDir', emitted], {
    stdio: 'inherit',
  });
  if (tsc.status !== 0) throw new Error('tsc could not write the declarations');
  for (const path of reachable()) {
    const text = readFileSync(join(emitted, path), 'utf8');
    const file = join(target, path);
    mkdirSync(dirname(file), { recursive: true });
    // Every resolution of modules understands .js; .ts only some.
    writeFileSync(file, text.replace(specifier, '$1$2.js$3'));
  }
} finally {
  rmSync(emitted, { recursive: true, force: true });
}

function reachable(): Set<string> {
  const found = new Set(entries);
  for (const path of found) {
    const text = readFileSync(join(emitted, path), 'utf8');
    for (const [, , name = ''] of text.matchAll(specifier))
      found.add(normalize(join(dirname(path), `${name}.d.ts`)));
  }
  return found;
}
