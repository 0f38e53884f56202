/** `gantry cp PATH CONTAINER:PATH`: into a container. */

import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { archivePath } from '../../client/path-stat.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { goMode, hasMode } from '../../wire/archive.ts';
import type { Context } from '../context.ts';
import { fileError } from '../run-config/variables.ts';
import type { CopyOptions } from './copy-from.ts';
import { absolutePath, type CopyEnd, followed, keepEnding, planCopy, splitEntry } from './copy-paths.ts';
import { CopyProgress } from './copy-progress.ts';
import { localTar } from './local-tar.ts';
import { statPath } from './path-stat.ts';

export async function copyToContainer(
  context: Context,
  source: string,
  container: string,
  path: string,
  options: CopyOptions,
): Promise<void> {
  const { client, io } = context;
  const from = source === '-' ? source : absolutePath(source, process.cwd());
  const destination = await findDestination(context, container, path);
  const { directory, tar } =
    from === '-' ? fromStdin(context, container, path, destination) : prepare(from, destination, options);
  const progress = new CopyProgress(io.stderr, 'Copying to container');
  const stream = options.quiet ? tar : Readable.from(progress.count(tar), { objectMode: false });
  // What cannot be read here ends the upload, which the daemon would wait for.
  const broken = new AbortController();
  tar.once('error', (error) => {
    // One that nobody reads any more is no reason: the daemon has answered.
    if (error.name !== 'AbortError') broken.abort(error);
  });
  try {
    await client.call('PUT', archivePath(container), {
      query: { noOverwriteDirNonDir: true, path: directory, copyUIDGID: options.archive ? true : undefined },
      headers: { 'Content-Type': 'application/x-tar' },
      stream,
      signal: broken.signal,
    });
  } catch (error) {
    progress.give();
    throw broken.signal.aborted ? broken.signal.reason : error;
  } finally {
    tar.destroy();
  }
  if (!options.quiet) progress.finish(`${container}:${destination.path}`);
}

/** A link in the container is followed to its end. */
async function findDestination({ client }: Context, container: string, path: string): Promise<CopyEnd> {
  let stat = await statPath(client, container, path);
  let at = path;
  if (stat !== undefined && hasMode(stat.mode, goMode.symlink)) {
    at = posix.resolve('/', splitEntry(path).directory, stat.linkTarget);
    stat = await statPath(client, container, at);
  }
  if (stat !== undefined && hasMode(stat.mode, goMode.device)) {
    throw new EngineError(
      'invalid-argument',
      `destination "${container}:${path}" must be a directory or a regular file: got a device`,
    );
  }
  const isDirectory = stat !== undefined && hasMode(stat.mode, goMode.directory);
  return { path: at, exists: stat !== undefined, isDirectory, rebaseName: '' };
}

interface Upload {
  /** In the container. */
  directory: string;
  tar: Readable;
}

function fromStdin({ io }: Context, container: string, path: string, destination: CopyEnd): Upload {
  if (!destination.isDirectory)
    throw new EngineError('invalid-argument', `destination "${container}:${path}" must be a directory`);
  return { directory: destination.path, tar: io.stdin.open() };
}

function prepare(path: string, destination: CopyEnd, options: CopyOptions): Upload {
  const source = findSource(path, options.followLink);
  const { directory, base } = planCopy(source, destination);
  const entry = splitEntry(source.path);
  const root = entry.base === '.' ? entry.directory : posix.join(entry.directory, entry.base);
  return { directory, tar: localTar(root, base) };
}

/** Links in front of the last name are always followed, one at the end only where that was asked for. */
function findSource(path: string, followLink: boolean): CopyEnd {
  const resolved = followLink ? followed(path, realpath(path)) : besideRealParent(path);
  const stats = lstat(resolved.path);
  return { ...resolved, exists: true, isDirectory: stats.isDirectory() };
}

function besideRealParent(path: string): { path: string; rebaseName: string } {
  const whole = path.replace(/(.)\/$/, '$1');
  const parent = realpath(posix.dirname(whole));
  const resolved = keepEnding(posix.join(parent, posix.basename(whole)), path);
  // A slash behind a link asks for the directory to which it leads.
  if (!path.endsWith('/') || !lstat(whole).isSymbolicLink()) return { path: resolved, rebaseName: '' };
  return followed(path, realpath(whole));
}

function realpath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw fileError('lstat', path, error);
  }
}

function lstat(path: string): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    throw fileError('lstat', path, error);
  }
}
