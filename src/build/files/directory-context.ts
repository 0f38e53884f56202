/** Contexts that are on this host already: a directory, or nothing but a Dockerfile. */
import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildContext } from '../build-types.ts';
import { readContextFile } from './fetched-context.ts';

/** As it is: what its owner changes during a build may be in it or not. EngineError `not-found` where it is no directory. */
export function directoryContext(root: string): BuildContext {
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new EngineError('not-found', `unable to prepare context: path "${root}" not found`, {
      hint: 'name a directory of this host',
    });
  }
  return {
    sync: async () => ({ root, release: async () => undefined }),
    readFile: async (path, limit) => readContextFile(root, path, limit),
  };
}

/** Has no files but itself. */
export function dockerfileContext(name: string, content: Uint8Array): BuildContext {
  return {
    sync: async () => {
      const root = await mkdtemp(join(tmpdir(), 'gantry-context-'));
      const path = join(root, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content, { mode: 0o644 });
      return { root, release: () => rm(root, { recursive: true, force: true }) };
    },
    readFile: async (path) => (path === name ? Buffer.from(content) : undefined),
  };
}
