/** Removes file trees as deep as containers can make them: deeper than any path that the kernel takes. */
import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import type { Launcher } from '../host/launcher-types.ts';

/** Milliseconds; a tree of millions of files takes minutes. */
const patience = 3600_000;
const removedPrefix = 'removed-';

/** Removes `path` and all below it; nothing where there is none. A `large` one in a process of its own: a hundred thousand calls from here would be felt. */
export async function removeTree(
  launcher: Pick<Launcher, 'run'>,
  path: string,
  large = false,
): Promise<void> {
  if (large) {
    await removeByProgram(launcher, path);
    return;
  }
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (errnoOf(error) !== 'ENAMETOOLONG') throw error;
    await removeByProgram(launcher, path);
  }
}

/** rm(1) goes down directory by directory, without a path. */
async function removeByProgram(launcher: Pick<Launcher, 'run'>, path: string): Promise<void> {
  const { exitCode, stderr } = await launcher.run({ argv: ['rm', '-rf', '--', path], timeoutMs: patience });
  if (exitCode !== 0)
    throw new EngineError('internal', `cannot remove ${path}: ${stderr.toString().trim().slice(0, 500)}`);
}

/**
 * For the start: takes `path` away. What of it is too deep is moved aside within `root` and goes in the background, as does what was moved
 * there before. Returns that work; it does not reject.
 */
export function sweepTree(launcher: Pick<Launcher, 'run'>, root: string, path: string): Promise<void> {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENAMETOOLONG') throw error;
    renameSync(path, join(root, `${removedPrefix}${randomBytes(8).toString('hex')}`));
  }
  const aside = readdirSync(root).filter((name) => name.startsWith(removedPrefix));
  const removals = aside.map((name) => removeByProgram(launcher, join(root, name)));
  // What stays is met again at the next start.
  return Promise.allSettled(removals).then(() => undefined);
}
