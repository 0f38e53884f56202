/** Uploads by name, kept in pieces until their digest is known: one writer at a time, gone on with after a crash too. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import { BlobIngest, emptyState, type IngestOptions, type IngestState, readState } from './blob-ingest.ts';

/** Names are file names, checked by whoever gives them. */
export class UploadFiles {
  readonly #directory: string;
  readonly #target: Pick<IngestOptions, 'has' | 'publish'>;
  readonly #open = new Set<string>();
  /** Hashes of what is in the files, so that the next piece need not read them again. */
  readonly #suspended = new Map<string, IngestState>();

  constructor(directory: string, target: Pick<IngestOptions, 'has' | 'publish'>) {
    this.#directory = directory;
    this.#target = target;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  isOpen(name: string): boolean {
    return this.#open.has(name);
  }

  /** Begins an upload under a name that there is none of. */
  begin(name: string): BlobIngest {
    this.#open.add(name);
    return this.#ingest(name, emptyState());
  }

  /** Goes on with an upload that was suspended, also by a crash. EngineError `conflict` while someone else has it. */
  async resume(name: string): Promise<BlobIngest> {
    if (this.#open.has(name)) throw new EngineError('conflict', `upload ${name} is being written already`);
    this.#open.add(name);
    try {
      const state = this.#suspended.get(name) ?? (await readState(this.#path(name)));
      this.#suspended.delete(name);
      return this.#ingest(name, state);
    } catch (error) {
      this.#open.delete(name);
      throw error;
    }
  }

  /** Bytes of an upload, and when the last came (milliseconds since the epoch); undefined where none came. */
  status(name: string): { size: number; writtenAt: number } | undefined {
    const found = statSync(this.#path(name), { throwIfNoEntry: false });
    return found === undefined ? undefined : { size: found.size, writtenAt: found.mtimeMs };
  }

  /** Of all uploads that bytes came for. */
  names(): string[] {
    return readdirSync(this.#directory);
  }

  /** Forgets an upload that nobody writes. */
  async discard(name: string): Promise<void> {
    if (this.#open.has(name)) return;
    this.#suspended.delete(name);
    await rm(this.#path(name), { force: true });
  }

  #ingest(name: string, state: IngestState): BlobIngest {
    const onClose = (kept?: IngestState): void => {
      this.#open.delete(name);
      if (kept !== undefined) this.#suspended.set(name, kept);
    };
    return new BlobIngest({ path: this.#path(name), ...this.#target, onClose }, state);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
