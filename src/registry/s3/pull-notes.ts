/** When manifests were pulled: remembered at once, written to the bucket a while later. */
import type { Bucket } from './bucket.ts';
import { fieldsOf } from './generations.ts';
import { encodeNumber, manifestKeys } from './keys.ts';
import { mapParallel } from './parallel.ts';

interface PullNote {
  repository: string;
  digest: string;
  at: number;
}

const writeEvery = 60_000;
const maxNotes = 50_000;

export class PullNotes {
  readonly #bucket: Bucket;
  #notes = new Map<string, PullNote>();
  /** Being written: still the newest word. */
  #writing = new Map<string, PullNote>();
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  add(repository: string, digest: string): void {
    if (this.#notes.size >= maxNotes) return;
    this.#notes.set(`${repository}@${digest}`, { repository, digest, at: this.#bucket.now() });
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), writeEvery).unref();
  }

  /** Milliseconds since the epoch, 0 for none: what is not in the bucket yet. */
  get(repository: string, digest: string): number {
    const key = `${repository}@${digest}`;
    return (this.#notes.get(key) ?? this.#writing.get(key))?.at ?? 0;
  }

  /** Writes all. What can't be written is lost: it is only for retention. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#work = this.#work.then(() => this.#writeAll());
    await this.#work;
  }

  async #writeAll(): Promise<void> {
    this.#writing = this.#notes;
    this.#notes = new Map();
    await mapParallel([...this.#writing.values()], (note) => this.#write(note).catch(() => undefined));
    this.#writing = new Map();
  }

  async #write({ repository, digest, at }: PullNote): Promise<void> {
    const prefix = manifestKeys(repository, digest);
    const keys = await this.#bucket.keys(prefix);
    if (!keys.some((key) => fieldsOf(key)[0] === 'held')) return;
    await this.#bucket.put(`${prefix}pulled.${encodeNumber(at)}`);
    await this.#bucket.remove(keys.filter((key) => fieldsOf(key)[0] === 'pulled'));
  }
}
