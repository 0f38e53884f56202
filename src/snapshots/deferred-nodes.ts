/** What of a layer can only be made after its files: devices, whiteouts, extended attributes, exact times. */
import type { FileOperation } from '../host/launcher-types.ts';
import type { Timestamp } from '../util/tar/tar-entry.ts';

export interface DeferredDevice {
  /** Permission and type bits, as mknod(2) takes them. */
  mode: number;
  major: number;
  minor: number;
  uid: number;
  gid: number;
  mtime: Timestamp;
}

export const fileTypeBits = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;

/** The overlay's mark for "nothing of the layers below shows here" (kernel: filesystems/overlayfs.rst, "whiteouts and opaque directories"). */
const opaqueAttribute = { name: 'trusted.overlay.opaque', value: Buffer.from('y') };

/** By path (bytes as `latin1`). One place per kind, so that a later member of the same name takes an earlier one's place. */
export class DeferredNodes {
  readonly devices = new Map<string, DeferredDevice>();
  readonly whiteouts = new Set<string>();
  readonly opaque = new Set<string>();
  readonly xattrs = new Map<string, ReadonlyMap<string, Buffer>>();
  readonly directoryTimes = new Map<string, Timestamp>();
  /** Only of those whose nanoseconds a float cannot carry. */
  readonly exactTimes = new Map<string, Timestamp>();
  /** Hard links to deferred devices: target by path. */
  readonly links = new Map<string, string>();

  /** Forgets what was to be made at `path`, and below it where it was a directory. */
  remove(path: string, wasDirectory: boolean): void {
    const maps = [this.devices, this.opaque, this.xattrs, this.directoryTimes, this.exactTimes, this.links];
    for (const map of maps) map.delete(path);
    const below = (key: string): boolean => wasDirectory && key.startsWith(`${path}/`);
    // A link must never be made through what took its target's place.
    for (const [link, target] of this.links) if (target === path || below(target)) this.links.delete(link);
    if (!wasDirectory) return;
    for (const map of [...maps, this.whiteouts]) {
      for (const key of map.keys()) if (below(key)) map.delete(key);
    }
  }

  /** To be made before ownership and times are set. `kindOf` tells what stands at a path now. */
  nodeOperations(kindOf: (path: string) => 'none' | 'directory' | 'other'): FileOperation[] {
    const operations: FileOperation[] = [];
    for (const [path, { mode, major, minor }] of this.devices) {
      operations.push({ kind: 'mknod', path: Buffer.from(path, 'latin1'), mode, major, minor });
    }
    for (const path of this.whiteouts) {
      // A name that is both removed and there again hides only what was below it.
      const kind = this.devices.has(path) ? 'other' : kindOf(path);
      if (kind === 'directory') this.opaque.add(path);
      if (kind === 'none') {
        operations.push({
          kind: 'mknod',
          path: Buffer.from(path, 'latin1'),
          mode: fileTypeBits.char,
          major: 0,
          minor: 0,
        });
      }
    }
    return operations;
  }

  /** To be done last: a change of owner drops capabilities, and any change of a directory its times. */
  finalOperations(): FileOperation[] {
    const operations: FileOperation[] = [];
    for (const [path, attributes] of this.xattrs) {
      for (const [name, value] of attributes) {
        operations.push({ kind: 'setxattr', path: Buffer.from(path, 'latin1'), name, value });
      }
    }
    for (const path of this.opaque) {
      operations.push({
        kind: 'setxattr',
        path: Buffer.from(path === '' ? '.' : path, 'latin1'),
        ...opaqueAttribute,
      });
    }
    for (const [path, { seconds, nanoseconds }] of this.exactTimes) {
      operations.push({
        kind: 'utime',
        path: Buffer.from(path === '' ? '.' : path, 'latin1'),
        seconds,
        nanoseconds,
      });
    }
    return operations;
  }
}
