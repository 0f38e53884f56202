/** Subpaths of volumes: opened step by step without following a link, then mounted at a place of their own until the container has them. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rmdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import type { Engine } from './engine.ts';

export interface SubpathEngine {
  readonly launcher: Pick<Engine['launcher'], 'run'>;
  readonly config: Pick<Engine['config'], 'execRoot'>;
}

/** O_PATH of open(2), which Node.js doesn't name: any kind of file can be opened so, and a FIFO doesn't block. */
const pathOnly = 0o10000000;

/**
 * Mounts `subpath` of the directory `root` somewhere below the exec root and returns that place. The container's processes may change the volume
 * meanwhile: what is mounted is what was opened. `owner` is `volume NAME` or `image REF`, for errors. EngineError `invalid-argument` where it isn't there, or leads out.
 */
export async function mountSubpath(
  engine: SubpathEngine,
  root: string,
  subpath: string,
  owner: string,
): Promise<string> {
  const handle = await openBelow(root, subpath, owner);
  try {
    const place = await makePlace(engine, (await handle.stat()).isDirectory());
    /* Not canonicalized: the link in /proc has to be followed by the kernel, not to be read. */
    const argv = ['mount', '--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${handle.fd}`, place];
    const { exitCode, stderr } = await engine.launcher.run({ argv });
    if (exitCode === 0) return place;
    await unmountSubpath(engine, place);
    throw new EngineError(
      'internal',
      `could not mount subpath "${subpath}" of ${owner}: ${stderr.toString().trim()}`,
    );
  } finally {
    await handle.close();
  }
}

/** Where what is to be mounted in containers has places of its own on the host, until they have it. */
export function placesRoot({ config }: SubpathEngine): string {
  return join(config.execRoot, 'subpaths');
}

/** A mount needs something of its own kind to cover. */
async function makePlace(engine: SubpathEngine, isDirectory: boolean): Promise<string> {
  const root = placesRoot(engine);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const place = join(root, randomBytes(16).toString('hex'));
  await (isDirectory ? mkdir(place) : writeFile(place, ''));
  return place;
}

/** Takes a place away again. Never removes more than the empty thing that was covered: what is mounted there is a volume. */
export async function unmountSubpath(engine: SubpathEngine, place: string): Promise<void> {
  await engine.launcher.run({ argv: ['umount', '-l', place] });
  await rmdir(place).catch(() => unlink(place).catch(() => undefined));
}

/** What a crash left. Needs no start to be under way. */
export async function sweepSubpaths(engine: SubpathEngine): Promise<void> {
  const root = placesRoot(engine);
  for (const name of await readdir(root).catch(() => [])) await unmountSubpath(engine, join(root, name));
}

/** Opens `subpath` step by step, following no link: what is opened is inside `root`. */
async function openBelow(root: string, subpath: string, owner: string): Promise<FileHandle> {
  let handle = await open(root, pathOnly | constants.O_DIRECTORY);
  for (const part of subpath.split('/').filter((one) => one !== '' && one !== '.')) {
    try {
      const next = await openPart(handle, part);
      await handle.close();
      handle = next;
    } catch (error) {
      await handle.close();
      throw new EngineError(
        'invalid-argument',
        `cannot access subpath "${subpath}" of ${owner}: ${reasonOf(error)}`,
        { cause: error, hint: 'name something that is there; links are not followed' },
      );
    }
  }
  return handle;
}

/** Without the path under which it was opened, which says nothing to users. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/, open '.*'$/, '');
}

async function openPart(parent: FileHandle, part: string): Promise<FileHandle> {
  if (part === '..') throw new Error('it leads out');
  const next = await open(`/proc/self/fd/${parent.fd}/${part}`, pathOnly | constants.O_NOFOLLOW);
  if (!(await next.stat()).isSymbolicLink()) return next;
  await next.close();
  throw new Error(`${part} is a link`);
}
