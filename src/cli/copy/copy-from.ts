/** `gantry cp CONTAINER:PATH PATH`: out of a container. */
import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { posix } from 'node:path';
import { archivePath, decodePathStat } from '../../client/path-stat.ts';
import { EngineError, errnoOf } from '../../errors/engine-error.ts';
import { TarReader } from '../../util/tar/tar-reader.ts';
import { goMode, hasMode } from '../../wire/archive.ts';
import type { Context } from '../context.ts';
import { fileError } from '../run-config/variables.ts';
import { absolutePath, type CopyEnd, followed, planCopy, splitEntry } from './copy-paths.ts';
import { CopyProgress } from './copy-progress.ts';
import { LocalExtractor } from './local-extract.ts';
import { statPath } from './path-stat.ts';

const maxLinks = 10;

export interface CopyOptions {
  followLink: boolean;
  archive: boolean;
  quiet: boolean;
}

export async function copyFromContainer(
  { client, io }: Context,
  container: string,
  path: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const destination = target === '-' ? target : absolutePath(target, process.cwd());
  if (target !== '-') checkDestination(destination);
  const source = options.followLink
    ? await followLink({ client, container, path })
    : { path, rebaseName: '' };
  const response = await client.open('GET', archivePath(container), { query: { path: source.path } });
  if (target === '-') {
    for await (const chunk of response.body) await io.stdout.send(chunk);
    return;
  }
  const stat = decodePathStat(response.headers);
  const isDirectory = stat !== undefined && hasMode(stat.mode, goMode.directory);
  const plan = planCopy({ ...source, exists: true, isDirectory }, resolveDestination(destination));
  const from = stat?.name === '/' ? '' : (stat?.name ?? splitEntry(source.path).base);
  const to = plan.base === '/' ? '' : plan.base;
  const extractor = new LocalExtractor(plan.directory, { from, to });
  const progress = new CopyProgress(io.stderr, 'Copying from container');
  await extract(extractor, options.quiet ? response.body : progress.count(response.body), progress);
  if (!options.quiet) progress.finish(destination);
}

async function extract(
  extractor: LocalExtractor,
  tar: AsyncIterable<Buffer>,
  progress: CopyProgress,
): Promise<void> {
  const reader = new TarReader(extractor);
  try {
    for await (const chunk of tar) reader.push(chunk);
    reader.finish();
    extractor.finish();
  } catch (error) {
    progress.give();
    throw error;
  }
}

/** Where a link in the container leads, under the link's own name. */
async function followLink(asked: {
  client: Context['client'];
  container: string;
  path: string;
}): Promise<{ path: string; rebaseName: string }> {
  const { client, container, path } = asked;
  const stat = await statPath(client, container, path);
  if (stat === undefined || !hasMode(stat.mode, goMode.symlink)) return { path, rebaseName: '' };
  const { directory } = splitEntry(path);
  return followed(path, posix.resolve(directory, stat.linkTarget));
}

function stat(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** docker's own checks, before the daemon is asked for anything. */
function checkDestination(path: string): void {
  const folder = posix.dirname(posix.normalize(path).replace(/(.)\/$/, '$1'));
  if (stat(folder) === undefined)
    throw new EngineError(
      'invalid-argument',
      `invalid output path: directory ${JSON.stringify(folder)} does not exist`,
    );
  const stats = stat(path);
  if (stats?.isCharacterDevice() !== true && stats?.isBlockDevice() !== true) return;
  throw new EngineError(
    'invalid-argument',
    `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
  );
}

/** Links are followed to their end, which need not be there if its directory is. */
function resolveDestination(original: string): CopyEnd {
  let path = original;
  for (let links = 0; links <= maxLinks; links += 1) {
    const stats = lstat(path);
    if (stats === undefined) {
      requireDirectory(splitEntry(path).directory);
      return { path, exists: false, isDirectory: false, rebaseName: '' };
    }
    if (!stats.isSymbolicLink())
      return { path, exists: true, isDirectory: stats.isDirectory(), rebaseName: '' };
    path = posix.resolve(splitEntry(path).directory, readlinkSync(path));
  }
  throw new EngineError('invalid-argument', `too many symlinks in ${original}`);
}

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') throw new EngineError('invalid-argument', 'not a directory');
    throw fileError('lstat', path, error);
  }
}

function requireDirectory(path: string): void {
  try {
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    throw fileError('stat', path, error);
  }
  throw new EngineError('invalid-argument', 'not a directory');
}
