/** The cache of steps: by the key of all their inputs, in the engine's database, their layers held in the image store. */
import type { ImageBuilds } from '../../images/image-builds.ts';
import type { LayerOfImage } from '../../images/image-records.ts';
import type { Database } from '../../store/database.ts';
import type { Collection } from '../../util/collection.ts';
import { type KeyParts, keyOf, partDigests } from './cache-key.ts';
import { parseStepRecord, type StepRecord } from './cache-record.ts';
import { missReason } from './miss-reason.ts';

export interface StepQuestion {
  parts: KeyParts;
  /** The instruction: what a miss is compared by. */
  description: string;
  /** The file system below, where it is known already: a step that was just run has its layers only a moment later. */
  below: readonly LayerOfImage[] | undefined;
}

export type StepAnswer =
  | { kind: 'hit'; key: string; layers: readonly LayerOfImage[]; createdAt: number }
  | { kind: 'miss'; key: string; reason: string };

export interface StepResult {
  key: string;
  parts: KeyParts;
  description: string;
  parent: string | undefined;
  /** Base layer first, the step's own last. */
  layers: readonly LayerOfImage[];
  createdAt: number;
  /** Bytes of the step's own layer. */
  size: number;
}

function chainIdBelow(layers: readonly LayerOfImage[]): string {
  return layers.at(-1)?.chainId ?? '';
}

export class StepCache {
  readonly #database: Pick<Database, 'transaction'>;
  readonly #builds: ImageBuilds;
  readonly #stored: Collection<StepRecord>;
  readonly #records: Map<string, StepRecord>;
  /** The last key of each instruction. */
  readonly #lastOf = new Map<string, string>();
  /** Keys whose use is not written as yet. */
  readonly #touched = new Set<string>();

  constructor(database: Database, builds: ImageBuilds) {
    this.#database = database;
    this.#builds = builds;
    this.#stored = database.collection('build_steps', parseStepRecord);
    this.#records = new Map(this.#stored.entries());
    const byAge = [...this.#records].toSorted(([, one], [, other]) => one.createdAt - other.createdAt);
    for (const [key, { description }] of byAge) this.#lastOf.set(description, key);
  }

  /** A hit is exactly a step with the same parts on top of the same layers, whose own layers are all here. */
  find({ parts, description, below }: StepQuestion): StepAnswer {
    const key = keyOf(parts);
    const record = this.#records.get(key);
    if (record === undefined) return { kind: 'miss', key, reason: this.#reason(description, parts) };
    if (below === undefined || chainIdBelow(below) !== record.below)
      return { kind: 'miss', key, reason: 'a step before it was run anew' };
    const layers = this.#builds.held(key);
    if (layers === undefined) return { kind: 'miss', key, reason: 'its layers are no longer here' };
    record.lastUsedAt = Date.now();
    record.usageCount += 1;
    this.#touched.add(key);
    return { kind: 'hit', key, layers, createdAt: record.createdAt };
  }

  /** Durable from the next durable write on; the layers are held until the key is forgotten. */
  put({ key, parts, description, parent, layers, createdAt, size }: StepResult): void {
    const record: StepRecord = {
      description,
      createdAt,
      lastUsedAt: createdAt,
      usageCount: 1,
      parent,
      below: chainIdBelow(layers.slice(0, -1)),
      size,
      parts: partDigests(parts),
    };
    this.#database.transaction(() => {
      this.#builds.hold(key, layers);
      this.#stored.put(key, record);
    }, false);
    this.#records.set(key, record);
    this.#lastOf.set(description, key);
  }

  records(): ReadonlyMap<string, StepRecord> {
    return this.#records;
  }

  layersOf(key: string): readonly LayerOfImage[] {
    return this.#builds.held(key) ?? [];
  }

  /** Deletes the layers that nothing else needs, too. */
  async forget(keys: readonly string[]): Promise<void> {
    this.#database.transaction(() => {
      for (const key of keys) this.#stored.delete(key);
    });
    for (const key of keys) this.#records.delete(key);
    await this.#builds.unhold(keys);
  }

  /** Writes down what was used. */
  flush(): void {
    if (this.#touched.size === 0) return;
    this.#database.transaction(() => {
      for (const key of this.#touched) {
        const record = this.#records.get(key);
        if (record !== undefined) this.#stored.put(key, record);
      }
    }, false);
    this.#touched.clear();
  }

  #reason(description: string, parts: KeyParts): string {
    const last = this.#lastOf.get(description);
    return missReason(last === undefined ? undefined : this.#records.get(last)?.parts, partDigests(parts));
  }
}
