/** Where uploads that were begun stand in registries, so that a push after a crash goes on with them. */
import { EngineError } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';

/** Its key is the repository and the blob: `docker.io/me/app@sha256:…`. */
export interface UploadRecord {
  /** URL that the registry gave. */
  location: string;
  /** Milliseconds since the epoch. */
  begunAt: number;
}

/** Registries forget uploads too; none keeps them for longer than a week. */
const maxAge = 7 * 24 * 3600 * 1000;

export function parseUploadRecord(value: unknown): UploadRecord {
  const { location, begunAt }: Partial<Record<keyof UploadRecord, unknown>> = { ...Object(value) };
  if (typeof location === 'string' && typeof begunAt === 'number') return { location, begunAt };
  throw new EngineError('data-loss', 'the database holds a damaged record of an upload');
}

export class UploadMemory {
  readonly #records: Collection<UploadRecord>;
  /** Two pushes of one blob must not write into one upload. */
  readonly #inUse = new Set<string>();

  constructor(records: Collection<UploadRecord>) {
    this.#records = records;
    const old = [...records.entries()].filter(([, { begunAt }]) => Date.now() - begunAt > maxAge);
    for (const [key] of old) records.delete(key);
  }

  /** Runs `work` with the place of this blob's upload in this repository. */
  async using<T>(key: string, work: (place: UploadPlace) => Promise<T>): Promise<T> {
    const isFirst = !this.#inUse.has(key);
    if (isFirst) this.#inUse.add(key);
    try {
      return await work(isFirst ? this.#place(key) : nowhere);
    } finally {
      if (isFirst) this.#inUse.delete(key);
    }
  }

  #place(key: string): UploadPlace {
    return {
      known: () => {
        const text = this.#records.get(key)?.location ?? '';
        return URL.canParse(text) ? new URL(text) : undefined;
      },
      keep: (location) => this.#records.put(key, { location: location.href, begunAt: Date.now() }),
      forget: () => this.#records.delete(key),
    };
  }
}

/** One upload's place in the memory. */
export interface UploadPlace {
  /** Where an earlier push stopped. */
  known: () => URL | undefined;
  keep: (location: URL) => void;
  forget: () => void;
}

const nowhere: UploadPlace = {
  known: () => undefined,
  keep: () => undefined,
  forget: () => undefined,
};
