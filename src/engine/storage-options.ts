/** `--storage-opt`: a limit for a container's read-write layer, which takes project quotas of the file system. */
import { readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import { parseByteSize } from '../util/byte-size.ts';

/**
 * Nothing to do without options. EngineErrors: `internal` in Docker's words where the file system of `dataRoot` was mounted without project quotas,
 * `invalid-argument` for an option that is none, or no size.
 */
export function checkStorageOptions(options: Readonly<Record<string, string>>, dataRoot: string): void {
  const names = Object.keys(options).map((name) => name.toLowerCase());
  if (names.length === 0) return;
  if (!hasProjectQuota(readFileSync('/proc/self/mountinfo', 'utf8'), dataRoot)) {
    throw new EngineError(
      'internal',
      "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
      {
        hint: 'leave it out, or mount the file system of the data root with prjquota (XFS, or ext4 made with -O quota,project)',
      },
    );
  }
  const unknown = names.find((name) => name !== 'size');
  if (unknown !== undefined) throw new EngineError('invalid-argument', `Unknown option ${unknown}`);
  const bad = Object.values(options).find((size) => parseByteSize(size) === undefined);
  if (bad !== undefined)
    throw new EngineError('invalid-argument', `invalid size: '${bad}'`, {
      hint: 'write a number of bytes, or one with a unit: 512m, 1.5g',
    });
}

/** Bytes that a read-write layer may have; 0 for any number. */
export function layerLimit(options: Readonly<Record<string, string>>): number {
  const size = Object.entries(options).find(([name]) => name.toLowerCase() === 'size')?.[1];
  return parseByteSize(size ?? '') ?? 0;
}

/** By the options of the mount that holds `path`, of proc_pid_mountinfo(5): the super options stand last. */
export function hasProjectQuota(mountinfo: string, path: string): boolean {
  const absolute = resolve(path);
  const holding = mountinfo
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , mountPoint = '']) => contains(mountPoint, absolute))
    .sort((one, other) => (one[4] ?? '').length - (other[4] ?? '').length)
    .at(-1);
  const superOptions = holding?.at(-1)?.split(',') ?? [];
  return superOptions.includes('prjquota') || superOptions.includes('pquota');
}

function contains(mountPoint: string, path: string): boolean {
  if (mountPoint === '') return false;
  return mountPoint === '/' || path === mountPoint || path.startsWith(mountPoint + sep);
}
