/** Compresses what containers' logs were rotated to, one file at a time, in the background. */
import { existsSync } from 'node:fs';
import { isEngineError } from '../../errors/engine-error.ts';
import type { Container } from '../container-table.ts';
import { isActive } from '../state.ts';
import { compressLog, replaceRotated } from './compress.ts';

export interface CompressedContainer {
  container: Container;
  /** Its log. */
  path: string;
  maxFiles: number;
}

interface Watched extends CompressedContainer {
  forgotten: AbortController;
}

/** Milliseconds between two looks at all logs. */
const interval = 5000;

export class LogCompressor {
  readonly #containers = new Map<string, Watched>();
  readonly #warn: (container: Container, error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(warn: (container: Container, error: unknown) => void) {
    this.#warn = warn;
  }

  /** Looks after it until it has ended and all that it left is compressed. */
  add(entry: CompressedContainer): void {
    if (this.#containers.has(entry.container.id)) return;
    this.#containers.set(entry.container.id, { ...entry, forgotten: new AbortController() });
    this.#schedule();
  }

  /** Leaves it alone from now on, also where it waits for the container's lock, which the caller holds; resolves when nothing of it is being compressed. */
  async forget(id: string): Promise<void> {
    const entry = this.#containers.get(id);
    if (entry === undefined) return;
    this.#containers.delete(id);
    entry.forgotten.abort();
    await this.#work;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#work;
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#containers.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#work = this.#lookAtAll().finally(() => {
        this.#timer = undefined;
        this.#schedule();
      });
    }, interval);
    this.#timer.unref();
  }

  async #lookAtAll(): Promise<void> {
    for (const entry of [...this.#containers.values()]) {
      const { id, state } = entry.container;
      const isOver = !isActive(state);
      try {
        await this.#compressRotated(entry);
        if (isOver) this.#containers.delete(id);
      } catch (error) {
        if (entry.forgotten.signal.aborted) continue;
        this.#containers.delete(id);
        this.#warn(entry.container, error);
      }
    }
  }

  /** Oldest first: the rest may be rotated meanwhile. */
  async #compressRotated(entry: Watched): Promise<void> {
    const { container, path, maxFiles } = entry;
    /* Whatever is rotated passes through number 1, and older files were compressed before it. */
    if (!existsSync(`${path}.1`)) return;
    const target = `${path}.compressing`;
    for (let number = maxFiles - 1; number > 0; number -= 1) {
      if (this.#closed || !this.#containers.has(container.id)) return;
      await compressLog(`${path}.${number}`, target, (inode) => replace(entry, inode, target));
    }
  }
}

/** While it runs its shim does, for only the shim renames its log's files. */
async function replace(
  { container, path, maxFiles, forgotten }: Watched,
  inode: bigint,
  target: string,
): Promise<void> {
  try {
    if (container.process !== undefined) return await container.process.replaceLog(inode, target);
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
  }
  await container.lock.run(async () => {
    if (container.process === undefined) await replaceRotated(path, maxFiles, inode, target);
  }, forgotten.signal);
}
