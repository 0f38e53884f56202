/** Manifests of repositories as records in a bucket, each generation written once. */
import { digestHex } from '../../oci/digest.ts';
import { BoundedMap } from '../../util/bounded-map.ts';
import type { StoredManifest } from '../registry-types.ts';
import type { Bucket } from './bucket.ts';
import { fieldsOf, type Generation, type Generations, liveOf, readGenerations } from './generations.ts';
import {
  encodeNumber,
  manifestKeys,
  manifestsOf,
  nameKey,
  parseRepositoryKey,
  type RepositoryKey,
  referrerKeys,
} from './keys.ts';
import { mapParallel } from './parallel.ts';

export type ManifestRecord = Omit<StoredManifest, 'pulledAt' | 'pushedAt'>;

/** A record with where it stands. */
export interface FoundManifest {
  record: ManifestRecord;
  generation: Generation;
  pulledAt: number;
}

const maxRecords = 20_000;

export class ManifestRecords {
  readonly #bucket: Bucket;
  /** By key: a record never changes. */
  readonly #records = new BoundedMap<string, ManifestRecord>(maxRecords);

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async generations(repository: string, digest: string): Promise<Generations> {
    const keys = await this.#bucket.keys(manifestKeys(repository, digest));
    return readGenerations(keys.map((key) => ({ key, fields: fieldsOf(key) })));
  }

  /** The record that counts: the newest that was pushed, else the newest that came from an upstream. */
  async find(repository: string, digest: string): Promise<FoundManifest | undefined> {
    return await this.choose(await this.generations(repository, digest));
  }

  async choose(generations: Generations): Promise<FoundManifest | undefined> {
    let cached: FoundManifest | undefined;
    for (const generation of liveOf(generations, this.#bucket.now())) {
      const record = await this.record(generation.key);
      if (record === undefined) continue;
      const found = { record, generation, pulledAt: generations.pulledAt };
      if (record.cached !== true) return found;
      cached ??= found;
    }
    return cached;
  }

  /** Undefined where it was deleted meanwhile. */
  async record(key: string): Promise<ManifestRecord | undefined> {
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const data = await this.#bucket.read(key);
    if (data === undefined) return undefined;
    // Written by `write` and by nobody else.
    const record: ManifestRecord = JSON.parse(data.toString('utf8'));
    this.#records.set(key, record);
    return record;
  }

  async all(repository: string): Promise<FoundManifest[]> {
    const keys = await this.#bucket.keys(manifestsOf(repository));
    const groups = groupByName(keys.flatMap((key) => parseRepositoryKey(key) ?? []));
    const found = await mapParallel([...groups.values()], (group) => this.choose(readGenerations(group)));
    return found.filter((one) => one !== undefined);
  }

  /** Writes a new generation, with what leads to it. */
  async write(repository: string, record: ManifestRecord, id: string): Promise<void> {
    const { digest, subject } = record;
    if (subject !== undefined)
      await this.#bucket.put(`${referrerKeys(repository, subject)}${digestHex(digest)}.${id}`);
    const key = `${manifestKeys(repository, digest)}held.${id}.${encodeNumber(this.#bucket.now())}`;
    this.#records.set(key, record);
    await this.#bucket.put(key, JSON.stringify(record));
    // After the record: see `forgetEmpty`.
    await this.#bucket.put(nameKey(repository));
  }

  /** Deletes generations, and what leads to them. */
  async remove(repository: string, digest: string, generations: readonly Generation[]): Promise<void> {
    const referrers = await mapParallel(generations, async ({ key, id }) => {
      const subject = (await this.record(key))?.subject;
      return subject === undefined ? [] : [`${referrerKeys(repository, subject)}${digestHex(digest)}.${id}`];
    });
    await this.#bucket.remove(generations.map(({ key }) => key));
    for (const { key } of generations) this.#records.delete(key);
    await this.#bucket.remove(referrers.flat());
  }

  /**
   * Takes a repository's name from the list where it holds no manifest any more. Whoever writes a manifest writes the name after it: either
   * the second look here sees the manifest, or that name is written after this deletion.
   */
  async forgetEmpty(repository: string): Promise<void> {
    if (await this.holdsAny(repository)) return;
    await this.#bucket.remove([nameKey(repository)]);
    if (await this.holdsAny(repository)) await this.#bucket.put(nameKey(repository));
  }

  async holdsAny(repository: string): Promise<boolean> {
    for await (const { key } of this.#bucket.list(manifestsOf(repository)))
      if (fieldsOf(key)[0] === 'held') return true;
    return false;
  }
}

export function toStored({ record, generation, pulledAt }: FoundManifest): StoredManifest {
  return { ...record, pushedAt: generation.heldAt, pulledAt };
}

/** Entries of one kind, by what stands before the `!`. */
export function groupByName(entries: readonly RepositoryKey[]): Map<string, RepositoryKey[]> {
  const groups = new Map<string, RepositoryKey[]>();
  for (const entry of entries) {
    const group = groups.get(entry.name);
    if (group === undefined) groups.set(entry.name, [entry]);
    else group.push(entry);
  }
  return groups;
}
