/** `X-Docker-Container-Path-Stat`: what stands at a path in a container, as JSON in base64. */

export interface ContainerPathStat {
  name: string;
  /** Bytes. */
  size: number;
  /** Type and permissions in the notation of Go's `fs.FileMode`. */
  mode: number;
  /** RFC 3339. */
  mtime: string;
  linkTarget: string;
}

export const pathStatHeader = 'X-Docker-Container-Path-Stat';

/** Bits of Go's `fs.FileMode`. */
export const goMode = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  namedPipe: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  characterDevice: 2 ** 21,
  sticky: 2 ** 20,
} as const;

/** Is a bit set? The highest one is beyond what JavaScript's own operators take. */
export function hasMode(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
