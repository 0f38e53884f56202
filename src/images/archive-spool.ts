/** Takes an image archive from a stream that cannot be rewound: its files become blobs, its small JSON files are at hand. */
import { posix } from 'node:path';
import { finished, type Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import { decompress } from '../snapshots/decompress.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { Lease } from './leases.ts';

/** Bounds `manifest.json` and its like. */
const maxDocument = 8 * 1024 * 1024;
/** Bounds how many names an archive can make the daemon remember. */
const maxFiles = 100_000;
const documents = new Set(['manifest.json', 'index.json', 'oci-layout', 'repositories']);

export class ArchiveSpool {
  readonly #digests = new Map<string, string>();
  readonly #links = new Map<string, string>();
  readonly #documents = new Map<string, string>();

  /** The digest of the file at `path`, links followed. EngineError `invalid-argument` where there is none. */
  digest(path: string): string {
    const name = normalize(path);
    const digest = this.#digests.get(this.#links.get(name) ?? name);
    if (digest !== undefined) return digest;
    throw new EngineError('invalid-argument', `invalid image archive: it has no file ${path.slice(0, 200)}`, {
      hint: 'the archive is incomplete: save or export the image again',
    });
  }

  /** A top-level JSON file, parsed; undefined where it is not there. */
  document(name: string): unknown {
    const text = this.#documents.get(name);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new EngineError('invalid-argument', `invalid image archive: ${name} is not JSON`, {
        cause: error,
      });
    }
  }

  /** Reads `archive` to its end. */
  async fill(archive: Readable, blobs: BlobStore, lease: Lease, signal?: AbortSignal): Promise<void> {
    const stopListening = destroyOnAbort(archive, signal);
    try {
      const plain = await decompress(archive);
      const entries = plain.pipe(extract());
      // Also where it closes before its end, which `pipe` does not pass on.
      finished(plain, (error) => error && entries.destroy(error));
      for await (const entry of entries) {
        await this.#take(entry.header, entry as AsyncIterable<Buffer>, blobs, lease);
        entry.resume();
      }
    } catch (error) {
      throw archiveError(error);
    } finally {
      stopListening();
      archive.destroy();
    }
  }

  async #take(header: Header, body: AsyncIterable<Buffer>, blobs: BlobStore, lease: Lease): Promise<void> {
    const name = normalize(header.name);
    if (this.#digests.size + this.#links.size > maxFiles)
      throw new EngineError('invalid-argument', 'invalid image archive: too many files');
    const { linkname } = header;
    // Old archives hold a layer once, and links to it.
    if (header.type === 'symlink' && linkname)
      this.#links.set(name, normalize(posix.join(posix.dirname(name), linkname)));
    if (header.type === 'link' && linkname) this.#links.set(name, normalize(linkname));
    if (header.type !== 'file') return;
    if (documents.has(name)) {
      this.#documents.set(name, await readDocument(name, body));
      return;
    }
    this.#digests.set(name, await spoolFile(body, blobs, lease));
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

async function readDocument(name: string, body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxDocument)
      throw new EngineError('invalid-argument', `invalid image archive: ${name} is too large`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
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
