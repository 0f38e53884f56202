/** Contexts that are brought here as a whole, once: archives, and what is at an address. */
import { closeSync, readSync } from 'node:fs';
import { release, topOf, ViewTree } from '../../engine/archive/view-tree.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildContext, ContextQuery, ContextTree } from '../build-types.ts';

/** Brings the files here. `release` takes them away. */
export type BringContext = (signal: AbortSignal) => Promise<ContextTree>;

/** Forgets its files when whoever synced them has released them, or at `close`; asked again, it brings them again. */
export class FetchedContext implements BuildContext {
  readonly #bring: BringContext;
  #tree: Promise<ContextTree> | undefined;
  #users = 0;

  constructor(bring: BringContext) {
    this.#bring = bring;
  }

  async sync(_query: ContextQuery, signal: AbortSignal): Promise<ContextTree> {
    this.#users += 1;
    try {
      const { root } = await this.#here(signal);
      let isReleased = false;
      const release = async (): Promise<void> => {
        if (isReleased) return;
        isReleased = true;
        this.#users -= 1;
        if (this.#users === 0) await this.close();
      };
      return { root, release };
    } catch (error) {
      this.#users -= 1;
      throw error;
    }
  }

  async readFile(path: string, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const { root } = await this.#here(signal);
    return readContextFile(root, path, limit);
  }

  async close(): Promise<void> {
    const tree = this.#tree;
    this.#tree = undefined;
    const brought = await tree?.catch(() => undefined);
    await brought?.release();
  }

  async #here(signal: AbortSignal): Promise<ContextTree> {
    const tree = this.#tree ?? this.#bring(signal);
    this.#tree = tree;
    try {
      return await tree;
    } catch (error) {
      if (this.#tree === tree) this.#tree = undefined;
      throw error;
    }
  }
}

/** Of a directory; links are followed within it. Undefined where there is no such file. EngineError `resource-exhausted` above `limit` bytes. */
export function readContextFile(root: string, path: string, limit: number): Buffer | undefined {
  const tree = new ViewTree(root);
  const located = tree.locate(Buffer.from(path).toString('latin1'), true);
  try {
    const node = located.name === undefined ? undefined : topOf(located).openNode(located.name);
    if (node?.descriptor === undefined) return undefined;
    try {
      return readAll(node.descriptor, path, limit);
    } finally {
      closeSync(node.descriptor);
    }
  } finally {
    release(located);
    tree.root.release();
  }
}

function readAll(descriptor: number, path: string, limit: number): Buffer {
  const parts: Buffer[] = [];
  for (let size = 0; ; ) {
    const part = Buffer.alloc(Math.min(limit + 1, 64 * 1024));
    const length = readSync(descriptor, part, 0, part.length, size);
    if (length === 0) return Buffer.concat(parts);
    size += length;
    if (size > limit) {
      throw new EngineError('resource-exhausted', `${path} is larger than ${limit} bytes`, {
        hint: 'check that it is the file that was meant',
      });
    }
    parts.push(part.subarray(0, length));
  }
}
