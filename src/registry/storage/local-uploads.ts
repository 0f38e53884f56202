/** Uploads to local storage: known by ID to the database, their bytes in files, each in the hands of one request at a time. */
import { randomUUID } from 'node:crypto';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { BlobIngest } from '../../store/blob-ingest.ts';
import type { UploadFiles } from '../../store/upload-files.ts';
import type { StoredBlob, Upload, UploadStatus } from '../registry-types.ts';
import type { UploadRecord } from './records.ts';
import type { RegistryTables } from './registry-tables.ts';

/** An upload while nobody writes it, and while somebody does. */
interface KnownUpload extends UploadRecord {
  /** Bytes that are in the file. */
  offset: number;
  /** Milliseconds since the epoch: when someone last had it in hand. */
  touchedAt: number;
  isOpen: boolean;
}

export class LocalUploads {
  readonly #tables: RegistryTables;
  readonly #files: UploadFiles;
  readonly #known = new Map<string, KnownUpload>();

  /** Reads what is known of uploads, and forgets files that belong to none. */
  constructor(tables: RegistryTables, files: UploadFiles) {
    this.#tables = tables;
    this.#files = files;
    for (const [id, record] of tables.uploads.entries()) {
      const file = files.status(id);
      const touchedAt = Math.max(record.startedAt, file?.writtenAt ?? 0);
      this.#known.set(id, { ...record, offset: file?.size ?? 0, touchedAt, isOpen: false });
    }
  }

  /** Uploads that were begun and neither ended nor given up. */
  get count(): number {
    return this.#known.size;
  }

  /** Removes files of uploads that the database does not know: a crash came in between. */
  async repair(): Promise<void> {
    const strangers = this.#files.names().filter((name) => !this.#known.has(name));
    for (const name of strangers) await this.#files.discard(name);
  }

  async begin(repository: string): Promise<Upload> {
    const id = randomUUID();
    const startedAt = Date.now();
    const known = { repository, startedAt, offset: 0, touchedAt: startedAt, isOpen: true };
    this.#known.set(id, known);
    const apply = (): void => this.#tables.uploads.put(id, { repository, startedAt });
    await this.#tables.commits.add(apply, () => this.#known.delete(id), 'process');
    return new LocalUpload(this, id, known, this.#files.begin(id), this.#tables);
  }

  async resume(repository: string, id: string): Promise<Upload | undefined> {
    const known = this.#known.get(id);
    if (known?.repository !== repository) return undefined;
    if (known.isOpen) throw new EngineError('conflict', `upload ${id} is in the hands of another request`);
    known.isOpen = true;
    known.touchedAt = Date.now();
    try {
      return new LocalUpload(this, id, known, await this.#files.resume(id), this.#tables);
    } catch (error) {
      known.isOpen = false;
      throw error;
    }
  }

  status(repository: string, id: string): UploadStatus | undefined {
    const known = this.#known.get(id);
    if (known?.repository !== repository) return undefined;
    return { id, repository, offset: known.offset, startedAt: known.startedAt };
  }

  /** In the upload's file. */
  bytesOf(id: string): number {
    return this.#files.status(id)?.size ?? 0;
  }

  ids(): string[] {
    return [...this.#known.keys()];
  }

  /** Bytes of an upload that nobody has in hand and had since `cutoff` (milliseconds since the epoch); undefined for others. */
  abandoned(id: string, cutoff: number): number | undefined {
    const known = this.#known.get(id);
    return known === undefined || known.isOpen || known.touchedAt > cutoff ? undefined : known.offset;
  }

  /** Forgets an upload; its file goes where nobody writes it. */
  async forget(id: string): Promise<void> {
    this.#known.delete(id);
    await this.#tables.commits.add(
      () => this.#tables.uploads.delete(id),
      () => undefined,
      'process',
    );
    await this.#files.discard(id);
  }

  /** It was published: its document went with the transaction that linked it. */
  forgetPublished(id: string): void {
    this.#known.delete(id);
  }
}

class LocalUpload implements Upload {
  readonly #uploads: LocalUploads;
  readonly #id: string;
  readonly #known: KnownUpload;
  readonly #ingest: BlobIngest;
  readonly #tables: RegistryTables;

  constructor(
    uploads: LocalUploads,
    id: string,
    known: KnownUpload,
    ingest: BlobIngest,
    tables: RegistryTables,
  ) {
    this.#uploads = uploads;
    this.#id = id;
    this.#known = known;
    this.#ingest = ingest;
    this.#tables = tables;
  }

  get status(): UploadStatus {
    const { repository, startedAt } = this.#known;
    return { id: this.#id, repository, offset: this.#ingest.offset, startedAt };
  }

  async write(data: Uint8Array): Promise<void> {
    try {
      await this.#ingest.write(data);
    } catch (error) {
      // Others need the room.
      if (isEngineError(error, 'resource-exhausted')) await this.cancel();
      throw error;
    }
    this.#known.offset = this.#ingest.offset;
  }

  async suspend(): Promise<void> {
    try {
      await this.#ingest.suspend();
    } catch (error) {
      // The file has what fitted.
      this.#known.offset = this.#uploads.bytesOf(this.#id);
      throw error;
    } finally {
      this.#known.touchedAt = Date.now();
      this.#known.isOpen = false;
    }
  }

  async commit(digest: string): Promise<StoredBlob> {
    const { repository } = this.#known;
    const size = this.#ingest.offset;
    const usedAt = Date.now();
    let linked: Promise<void> = Promise.resolve();
    const onPublished = (): void => {
      const change = this.#tables.change().link(repository, digest, { usedAt });
      linked = change.commit(() => this.#tables.uploads.delete(this.#id));
      // It is awaited below, once the name is durable too.
      linked.catch(() => undefined);
    };
    try {
      await this.#ingest.commitChecked({ digest, onPublished });
      await linked;
    } catch (error) {
      await this.cancel();
      throw error;
    }
    this.#uploads.forgetPublished(this.#id);
    return { digest, size, usedAt };
  }

  async cancel(): Promise<void> {
    await this.#ingest.discard();
    await this.#uploads.forget(this.#id);
  }
}
