/** What a layer under construction holds by name, so that every path is resolved in memory and never through the file system's links. */
import { EngineError } from '../errors/engine-error.ts';

/**
 * Paths are strings of bytes (`latin1`), relative, without `.` or `..`; the layer's root is ''. The layer's directory starts empty and
 * nobody else writes to it: what is not here is no directory and no symbolic link there.
 */
export class LayerTree {
  readonly #directories = new Set<string>(['']);
  /** Targets by path. */
  readonly #symlinks = new Map<string, string>();

  isDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  addDirectory(path: string): void {
    bound(this.#directories.size);
    this.#directories.add(path);
  }

  addSymlink(path: string, target: string): void {
    bound(this.#symlinks.size);
    this.#symlinks.set(path, target);
  }

  /** Forgets `path`, and all below it where it is a directory. */
  remove(path: string): void {
    this.#symlinks.delete(path);
    if (!this.#directories.delete(path)) return;
    for (const known of [this.#directories, this.#symlinks]) {
      for (const key of known.keys()) if (key.startsWith(`${path}/`)) known.delete(key);
    }
  }

  /**
   * Where a member of this name goes: the last component as it is, symbolic links among its parents followed as they would be
   * with the layer as the root. EngineError `invalid-argument` for a name that leads outside.
   */
  locate(name: string): string {
    const parts = cleanName(name);
    const last = parts.pop();
    const path = last === undefined ? '' : joinPath(this.#resolve(parts), last);
    if (path.length > maxPath)
      throw new EngineError('invalid-argument', `file name too long: ${path.slice(0, 100)}…`);
    return path;
  }

  /** Walks directories; a component that does not exist is taken as a directory to be. */
  #resolve(parts: string[]): string {
    const pending = parts.toReversed();
    let at = '';
    for (let hops = 0; ; ) {
      const part = pending.pop();
      if (part === undefined) return at;
      if (part === '..') {
        at = parentOf(at);
        continue;
      }
      const next = joinPath(at, part);
      const target = this.#symlinks.get(next);
      if (target === undefined) {
        at = next;
        continue;
      }
      hops += 1;
      if (hops > maxHops)
        throw new EngineError('invalid-argument', `too many levels of symbolic links: ${next}`);
      if (target.startsWith('/')) at = '';
      pending.push(
        ...target
          .split('/')
          .filter((piece) => piece !== '' && piece !== '.')
          .toReversed(),
      );
    }
  }
}

/** The kernel's own bound (path_resolution(7)). */
const maxHops = 40;
/** PATH_MAX. */
const maxPath = 4095;
/** Bounds memory against an archive of nothing but names: some 1 GB. */
const maxNodes = 4_000_000;

function bound(count: number): void {
  if (count >= maxNodes)
    throw new EngineError('resource-exhausted', 'the layer has too many directories and links');
}

export function joinPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

/** The directory that a path is in; that of the root is the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The components of a member's name, `..` taken out as text. EngineError `invalid-argument` where it leads outside. */
function cleanName(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) {
      throw new EngineError('invalid-argument', `"${name}" is outside of the layer's root`, {
        hint: 'do not use this image: its archive tries to write outside of its root',
      });
    }
  }
  return parts;
}
