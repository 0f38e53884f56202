/** Takes an image archive from a stream that cannot be rewound: its files become blobs, its small JSON files are at hand. */
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import { parseBoundedJson } from '../oci/bounded-json.ts';
import type { BlobIngest } from '../store/blob-ingest.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { TarEntry } from '../util/tar/tar-entry.ts';
import { type MemberSink, readMembers } from './archive-members.ts';
import { plainArchive } from './archive-plain.ts';
import type { Lease } from './leases.ts';

/** Bounds `manifest.json` and its like. */
const maxDocument = 8 * 1024 * 1024;
/** Bounds how many names an archive can make the daemon remember, and how long each may be. */
const maxFiles = 100_000;
const maxName = 4096;
const documents = new Set(['manifest.json', 'index.json', 'oci-layout', 'repositories']);

export interface SpoolOptions {
  blobs: BlobStore;
  /** Holds the blobs. */
  lease: Lease;
  maxExpansion: number;
}

/** Where the current member's data goes. */
type Open =
  | { kind: 'nowhere' }
  | { kind: 'document'; name: string; chunks: Buffer[]; length: number }
  | { kind: 'blob'; name: string; ingest: BlobIngest };

export class ArchiveSpool implements MemberSink {
  readonly #options: SpoolOptions;
  readonly #digests = new Map<string, string>();
  readonly #links = new Map<string, string>();
  readonly #documents = new Map<string, string>();
  #open: Open = { kind: 'nowhere' };

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** The digest of the file at `path`, links followed; undefined where there is none. */
  find(path: string): string | undefined {
    const name = normalize(path);
    return this.#digests.get(this.#links.get(name) ?? name);
  }

  /** The digest of the file at `path`, links followed. EngineError `invalid-argument` where there is none. */
  digest(path: string): string {
    const digest = this.find(path);
    if (digest !== undefined) return digest;
    throw new EngineError('invalid-argument', `invalid image archive: it has no file ${path.slice(0, 200)}`, {
      hint: 'the archive is incomplete: save or export the image again',
    });
  }

  /** A top-level JSON file, parsed; undefined where it is not there. EngineError `invalid-argument` where it is no JSON. */
  document(name: string): unknown {
    const text = this.#documents.get(name);
    return text === undefined ? undefined : parseBoundedJson(text, `invalid image archive: ${name}`);
  }

  /** Reads `archive` to its end, plain or compressed. */
  async fill(archive: Readable, signal?: AbortSignal): Promise<void> {
    const stopListening = destroyOnAbort(archive, signal);
    try {
      await readMembers(plainArchive(archive, this.#options.maxExpansion), this);
    } catch (error) {
      if (this.#open.kind === 'blob') await this.#open.ingest.discard();
      throw archiveError(error);
    } finally {
      stopListening();
      archive.destroy();
    }
  }

  async begin(entry: TarEntry): Promise<void> {
    const name = normalize(entry.name.toString());
    if (this.#digests.size + this.#links.size > maxFiles)
      throw new EngineError('invalid-argument', 'invalid image archive: too many files');
    if (name.length > maxName)
      throw new EngineError(
        'invalid-argument',
        `invalid image archive: file name too long: ${name.slice(0, 100)}…`,
      );
    const link = entry.link.toString();
    this.#open = { kind: 'nowhere' };
    // Old archives hold a layer once, and links to it.
    if (entry.type === 'symlink') this.#link(name, posix.join(posix.dirname(name), link));
    if (entry.type === 'link') this.#link(name, link);
    if (entry.type !== 'file') return;
    this.#links.delete(name);
    if (documents.has(name)) this.#open = { kind: 'document', name, chunks: [], length: 0 };
    else this.#open = { kind: 'blob', name, ingest: await this.#options.blobs.ingest(undefined) };
  }

  async write(data: Buffer): Promise<void> {
    const open = this.#open;
    if (open.kind === 'blob') await open.ingest.write(data);
    if (open.kind !== 'document') return;
    open.length += data.length;
    if (open.length > maxDocument)
      throw new EngineError('invalid-argument', `invalid image archive: ${open.name} is too large`);
    // The chunk is somebody else's again once this returns.
    open.chunks.push(Buffer.from(data));
  }

  async end(): Promise<void> {
    const open = this.#open;
    if (open.kind === 'document') this.#documents.set(open.name, Buffer.concat(open.chunks).toString('utf8'));
    if (open.kind === 'blob') {
      const { lease } = this.#options;
      this.#digests.set(open.name, await open.ingest.commit(undefined, (digest) => lease.add(digest)));
    }
    this.#open = { kind: 'nowhere' };
  }

  #link(name: string, target: string): void {
    this.#links.set(name, normalize(target));
  }
}

/** Lets `stream` fail as cancelled when `signal` aborts. Returns how to stop that. */
export function destroyOnAbort(stream: Readable, signal?: AbortSignal): () => void {
  const onAbort = (): void =>
    void stream.destroy(new EngineError('cancelled', 'the operation was cancelled'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  return () => signal?.removeEventListener('abort', onAbort);
}

function normalize(path: string): string {
  return posix.normalize(path).replace(/^(\.?\/)+/, '');
}

/** Stores the bytes of `body` as a blob that `lease` holds. Returns its digest. */
export async function spoolFile(
  body: AsyncIterable<Buffer>,
  blobs: BlobStore,
  lease: Lease,
): Promise<string> {
  const ingest = await blobs.ingest(undefined);
  try {
    for await (const chunk of body) await ingest.write(chunk);
    return await ingest.commit(undefined, (digest) => lease.add(digest));
  } catch (error) {
    await ingest.discard();
    throw error;
  }
}

function archiveError(error: unknown): EngineError {
  if (isEngineError(error)) return error;
  return new EngineError('invalid-argument', `invalid image archive: ${messageOf(error)}`, {
    cause: error,
    hint: 'give a tar archive that docker save, or an OCI tool, wrote',
  });
}
