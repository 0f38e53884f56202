/** Device nodes of the host: those that a container is given, and the numbers of block devices that limits name. */
import type { Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';

/** A device as it shall be in the container, and what its process may do with it. */
export interface DeviceNode {
  /** In the container. */
  path: string;
  type: 'c' | 'b';
  major: number;
  minor: number;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Letters of `rwm`. */
  access: string;
}

export interface DeviceRequest {
  pathOnHost: string;
  pathInContainer: string;
  cgroupPermissions: string;
}

/** Of a dev_t as stat(2) gives it (gnu_dev_major and gnu_dev_minor). */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const value = BigInt(rdev);
  return {
    major: Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n)),
    minor: Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n)),
  };
}

/**
 * The nodes for `--device`: a device, a link to one, or all devices below a directory. A privileged container gets all
 * of the host's as well. EngineError `internal` in Docker's words where there is no such device.
 */
export async function gatherDevices(
  requests: readonly DeviceRequest[],
  options: { privileged: boolean },
): Promise<DeviceNode[]> {
  if (!options.privileged) return (await Promise.all(requests.map(devicesOf))).flat();
  const elsewhere = requests.filter((request) => request.pathOnHost !== request.pathInContainer);
  const asked = await Promise.all(elsewhere.map((r) => devicesOf({ ...r, cgroupPermissions: 'rwm' })));
  return [...(await hostDevices()), ...asked.flat()];
}

async function devicesOf(request: DeviceRequest): Promise<DeviceNode[]> {
  const target = request.pathInContainer || request.pathOnHost;
  const access = request.cgroupPermissions || 'rwm';
  try {
    const source = await realpath(request.pathOnHost);
    const stats = await stat(source);
    const found = stats.isDirectory()
      ? await devicesBelow(source, target, access)
      : [nodeOf(target, stats, access)].filter((node) => node !== undefined);
    if (found.length > 0) return found;
  } catch (error) {
    throw noDevice(request.pathOnHost, reasonOf(error), error);
  }
  throw noDevice(request.pathOnHost, 'not a device node');
}

function noDevice(path: string, reason: string, cause?: unknown): EngineError {
  return new EngineError(
    'internal',
    `error gathering device information while adding custom device "${path}": ${reason}`,
    {
      cause,
      hint: 'Name a device node of the host, or a directory that holds some.',
    },
  );
}

function reasonOf(error: unknown): string {
  if (errnoOf(error) === 'ENOENT') return 'no such file or directory';
  return errnoOf(error) === 'EACCES' ? 'permission denied' : messageOf(error);
}

function nodeOf(path: string, stats: Stats, access: string): DeviceNode | undefined {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return undefined;
  const type = stats.isBlockDevice() ? 'b' : 'c';
  const { mode, uid, gid } = stats;
  return { path, type, ...deviceNumbers(stats.rdev), mode: mode & 0o7777, uid, gid, access };
}

async function devicesBelow(source: string, target: string, access: string): Promise<DeviceNode[]> {
  const entries = await readdir(source, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<DeviceNode[]> => {
      const [from, to] = [join(source, entry.name), join(target, entry.name)];
      if (entry.isDirectory()) return devicesBelow(from, to, access);
      if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
      // A device may go while we look.
      const stats = await lstat(from).catch(() => undefined);
      const node = stats && nodeOf(to, stats, access);
      return node === undefined ? [] : [node];
    }),
  );
  return found.flat();
}

/** What the runtime makes itself, or what belongs to the host's own name space of terminals and shared memory. */
const notPassedOn = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console']);

/** All device nodes below the host's /dev, for a privileged container. */
async function hostDevices(): Promise<DeviceNode[]> {
  const entries = await readdir('/dev', { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<DeviceNode[]> => {
      const path = join('/dev', entry.name);
      if (notPassedOn.has(entry.name)) return [];
      if (entry.isDirectory()) return devicesBelow(path, path, 'rwm');
      const stats = await lstat(path).catch(() => undefined);
      const node = stats && nodeOf(path, stats, 'rwm');
      return node === undefined ? [] : [node];
    }),
  );
  return found.flat();
}

/** Numbers of the block devices that blkio limits name, by path. EngineError `internal` "stat PATH: no such file or directory". */
export async function gatherBlockDevices(
  paths: Iterable<string>,
): Promise<Map<string, { major: number; minor: number }>> {
  const numbers = new Map<string, { major: number; minor: number }>();
  for (const path of new Set(paths)) {
    const stats = await stat(path).catch((error: unknown) => {
      throw new EngineError('internal', `stat ${path}: ${reasonOf(error)}`, {
        cause: error,
        hint: 'Name a block device of the host.',
      });
    });
    numbers.set(path, deviceNumbers(stats.rdev));
  }
  return numbers;
}
