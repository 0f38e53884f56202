/** Tars: what is one, and its extraction into a tree, without ever leaving it. */
import { closeSync, createReadStream, fstatSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { ViewThread } from '../../engine/archive/view-thread.ts';
import { release, topOf, ViewTree } from '../../engine/archive/view-tree.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import { plainArchive } from '../../images/archive-plain.ts';
import { detectCompression } from '../../snapshots/decompress.ts';
import { expansionLimit } from '../../snapshots/expansion.ts';
import { blockSize, isZeroBlock, parseTarHeader } from '../../util/tar/tar-header.ts';
import type { Owner } from './files-messages.ts';
import { cancelled } from './files-thread.ts';

/** Of the longest magic that tells a compression. */
const magicLength = 6;
const chunkSize = 512 * 1024;

export interface Unpacking {
  launcher: Pick<Launcher, 'attributes' | 'fileOperations'>;
  /** Path of the tree's root, to be followed once. */
  root: string;
  /** An existing directory in it, absolute there. */
  path: string;
  /** Undefined for whom the archive says. */
  owner?: Owner;
}

/** Extracts a plain tar. EngineErrors: `invalid-argument` for what is none, `resource-exhausted`, `cancelled`. */
export async function unpack(
  archive: Readable,
  { launcher, root, path, owner }: Unpacking,
  signal: AbortSignal,
): Promise<void> {
  const thread = new ViewThread({
    launcher,
    root,
    job: {
      kind: 'write',
      path,
      noOverwriteDirNonDir: false,
      mounts: [],
      readOnlyRoot: false,
      ...(owner === undefined ? {} : { owner }),
    },
    onProgress: () => undefined,
    verify: () => undefined,
  });
  const onAbort = (): void => thread.fail(cancelled());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) throw cancelled();
    await thread.ready;
    await thread.write(archive);
  } finally {
    signal.removeEventListener('abort', onAbort);
    archive.destroy();
    await thread.close();
  }
}

/** A file of a tree, open for reading. */
export class ArchiveFile {
  readonly #descriptor: number;
  readonly #maxExpansion: number;

  private constructor(descriptor: number, maxExpansion: number) {
    this.#descriptor = descriptor;
    this.#maxExpansion = maxExpansion;
  }

  /** `path` as bytes, without links in it. EngineError `not-found` where there is no file any more. */
  static open(root: string, path: string, maxExpansion: number): ArchiveFile {
    const tree = new ViewTree(root);
    const located = tree.locate(path, false);
    try {
      const node = located.name === undefined ? undefined : topOf(located).openNode(located.name);
      if (node?.descriptor === undefined) throw new EngineError('not-found', `/${path}: no such file`);
      return new ArchiveFile(node.descriptor, maxExpansion);
    } finally {
      release(located);
      tree.root.release();
    }
  }

  /** Is it a tar with at least one member, compressed or not? */
  async isArchive(): Promise<boolean> {
    const plain = this.plain();
    const seen: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of plain) {
        seen.push(chunk);
        length += chunk.length;
        if (length >= blockSize) break;
      }
      const block = Buffer.concat(seen).subarray(0, blockSize);
      return block.length === blockSize && !isZeroBlock(block) && parseTarHeader(block).size >= 0;
    } catch {
      // Broken, of a kind that this host does not read, or no tar: it is copied as it is.
      return false;
    } finally {
      plain.destroy();
    }
  }

  /** For a thread of this process. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /** By its first bytes; `other` for what a program of the host, or Node.js, reads. */
  compression(): 'none' | 'gzip' | 'other' {
    const head = Buffer.alloc(magicLength);
    readSync(this.#descriptor, head, 0, magicLength, 0);
    try {
      const found = detectCompression(head);
      return found === 'zstd' ? 'other' : found;
    } catch {
      return 'other';
    }
  }

  /** Bytes on the disk's side of it, and how many plain ones it may have. */
  get limit(): number {
    return expansionLimit(fstatSync(this.#descriptor).size, this.#maxExpansion);
  }

  /** Its content from the beginning, without its compression. */
  plain(): Readable {
    // Opened once more: a stream that is given up may still read when this one is closed.
    const file = createReadStream(`/proc/self/fd/${this.#descriptor}`, { highWaterMark: chunkSize });
    return plainArchive(file, this.#maxExpansion);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
