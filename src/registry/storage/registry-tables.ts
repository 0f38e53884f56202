/** The registry's documents in the database, the index over them in memory, and changes that reach both or neither. */
import type { Database } from '../../store/database.ts';
import { type Durability, GroupCommit } from '../../store/group-commit.ts';
import type { Collection } from '../../util/collection.ts';
import type { StoredManifest } from '../registry-types.ts';
import {
  type LinkRecord,
  parseLink,
  parseManifestRecord,
  parseTag,
  parseUpload,
  splitKey,
  type TagRecord,
  type UploadRecord,
} from './records.ts';
import { type IndexValue, RegistryIndex } from './registry-index.ts';

export class RegistryTables {
  readonly index: RegistryIndex;
  readonly uploads: Collection<UploadRecord>;
  readonly commits: GroupCommit;
  readonly #links: Collection<LinkRecord>;
  readonly #manifests: Collection<StoredManifest>;
  readonly #tags: Collection<TagRecord>;
  /** Links and manifests whose times of use are not in the database yet. */
  readonly #stale = new Map<string, { repository: string; digest: string }>();

  /** Reads all documents. */
  constructor(database: Database, sizeOf: (digest: string) => number) {
    this.index = new RegistryIndex(sizeOf);
    this.commits = new GroupCommit(database);
    this.#links = database.collection('registry_blobs', parseLink);
    this.#manifests = database.collection('registry_manifests', parseManifestRecord);
    this.#tags = database.collection('registry_tags', parseTag);
    this.uploads = database.collection('registry_uploads', parseUpload);
    this.#load();
  }

  change(): IndexChange {
    return new IndexChange(this);
  }

  /** The times of use of this link or manifest go into the database some time later. */
  noteUse(repository: string, digest: string): void {
    this.#stale.set(`${repository}@${digest}`, { repository, digest });
  }

  /** Writes times of use. Rejects with EngineError. */
  async writeUses(): Promise<void> {
    const stale = [...this.#stale];
    if (stale.length === 0) return;
    this.#stale.clear();
    const apply = (): void => {
      for (const [key, { repository, digest }] of stale) {
        const holder = this.index.repository(repository);
        const link = holder?.links.get(digest);
        const manifest = holder?.manifests.get(digest);
        if (link !== undefined) this.#links.put(key, link);
        if (manifest !== undefined) this.#manifests.put(key, manifest);
      }
    };
    await this.commits.add(apply, () => undefined, 'process');
  }

  #load(): void {
    const shared = sharedStrings();
    const names = (key: string, separator: '@' | ':'): [string, string] => {
      const [repository, name] = splitKey(key, separator);
      return [shared(repository), shared(name)];
    };
    for (const [key, value] of this.#links.entries())
      this.index.set(...names(key, '@'), { kind: 'link', value });
    for (const [key, value] of this.#manifests.entries()) {
      const texts = {
        digest: shared(value.digest),
        mediaType: shared(value.mediaType),
        references: value.references.map(shared),
      };
      this.index.set(...names(key, '@'), { kind: 'manifest', value: { ...value, ...texts } });
    }
    for (const [key, value] of this.#tags.entries()) {
      const tag = { ...value, digest: shared(value.digest) };
      this.index.set(...names(key, ':'), { kind: 'tag', value: tag });
    }
  }

  /** For `IndexChange` alone. */
  write(repository: string, key: string, change: IndexValue): void {
    if (change.kind === 'link') put(this.#links, `${repository}@${key}`, change.value);
    else if (change.kind === 'manifest') put(this.#manifests, `${repository}@${key}`, change.value);
    else put(this.#tags, `${repository}:${key}`, change.value);
  }
}

/** The same text is the same string, so that a digest takes its bytes of memory once, wherever it is named. */
function sharedStrings(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    // A part of a longer string keeps all of that alive: a copy does not.
    const copy = Buffer.from(text).toString();
    known.set(copy, copy);
    return copy;
  };
}

function put<T>(table: Collection<T>, key: string, value: T | undefined): void {
  if (value === undefined) table.delete(key);
  else table.put(key, value);
}

interface Step {
  repository: string;
  key: string;
  next: IndexValue;
  previous: IndexValue;
}

/** Seen in memory at once; `commit` makes it durable, or takes it back. */
export class IndexChange {
  readonly #tables: RegistryTables;
  readonly #steps: Step[] = [];

  constructor(tables: RegistryTables) {
    this.#tables = tables;
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  link(repository: string, digest: string, value: LinkRecord | undefined): this {
    return this.#set(repository, digest, { kind: 'link', value });
  }

  manifest(repository: string, digest: string, value: StoredManifest | undefined): this {
    return this.#set(repository, digest, { kind: 'manifest', value });
  }

  tag(repository: string, name: string, value: TagRecord | undefined): this {
    return this.#set(repository, name, { kind: 'tag', value });
  }

  /** Resolves when it is durable. `also` is written in the same transaction. EngineErrors as from `GroupCommit.add`. */
  async commit(also?: () => void, durability: Durability = 'power'): Promise<void> {
    const tables = this.#tables;
    const apply = (): void => {
      for (const { repository, key, next } of this.#steps) tables.write(repository, key, next);
      also?.();
    };
    const undo = (): void => {
      for (const { repository, key, previous } of this.#steps.toReversed())
        tables.index.set(repository, key, previous);
    };
    await tables.commits.add(apply, undo, durability);
  }

  #set(repository: string, key: string, next: IndexValue): this {
    const previous = this.#tables.index.set(repository, key, next);
    this.#steps.push({ repository, key, next, previous });
    return this;
  }
}
