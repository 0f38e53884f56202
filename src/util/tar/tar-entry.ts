/** What one member of a tar archive says about itself, after all its extension headers were taken in. */
import type { BigIntStats, Stats } from 'node:fs';
import { EngineError } from '../../errors/engine-error.ts';

export type TarEntryType = 'file' | 'link' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

export interface Timestamp {
  /** Since the epoch; may be negative. */
  seconds: number;
  nanoseconds: number;
}

export interface TarEntry {
  /** Raw bytes: names need not be UTF-8. */
  name: Buffer;
  type: TarEntryType;
  link: Buffer;
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of the file as it shall be read, holes included. */
  size: number;
  mtime: Timestamp;
  major: number;
  minor: number;
  /** Without their `SCHILY.xattr.` prefix. */
  xattrs: ReadonlyMap<string, Buffer>;
}

/** An archive that is broken or not one: EngineError `invalid-argument`, in the words of Docker's tar reader where it has them. */
export function tarError(what = 'invalid tar header'): EngineError {
  return new EngineError('invalid-argument', `archive/tar: ${what}`, {
    hint: 'check that the archive is complete and a tar file',
  });
}

/** What a file on disk is in a tar. */
export function entryTypeOf(stats: Stats | BigIntStats): TarEntryType {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'char';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFIFO() ? 'fifo' : 'file';
}
