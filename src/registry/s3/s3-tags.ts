/** Tags in a bucket: the key says all, the newest one counts, and one that was pushed counts before one from an upstream. */
import { digestHex } from '../../oci/digest.ts';
import type { Page, StoredTag } from '../registry-types.ts';
import type { Bucket } from './bucket.ts';
import { decodeNumber, encodeNumber, parseRepositoryKey, tagKeys, tagsOf } from './keys.ts';

interface TagEntry extends StoredTag {
  key: string;
}

/** Comes after every character of what stands behind a `!`. */
const end = '~';

function parseTag(key: string): TagEntry | undefined {
  const parsed = parseRepositoryKey(key);
  if (parsed?.kind !== 'tags') return undefined;
  const [time, hex = '', kind] = parsed.fields;
  return {
    key,
    name: parsed.name,
    digest: `sha256:${hex}`,
    taggedAt: decodeNumber(time),
    ...(kind === 'c' ? { cached: true } : {}),
  };
}

/** The entry that counts among those of one tag. */
function winner(entries: readonly TagEntry[]): TagEntry | undefined {
  const local = entries.filter(({ cached }) => cached !== true);
  const candidates = local.length > 0 ? local : entries;
  return candidates.toSorted((a, b) => b.taggedAt - a.taggedAt || (a.digest < b.digest ? 1 : -1))[0];
}

function toStoredTag({ key: _, ...tag }: TagEntry): StoredTag {
  return tag;
}

export class S3Tags {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async get(repository: string, name: string): Promise<StoredTag | undefined> {
    const found = winner(await this.#entries(tagKeys(repository, name)));
    return found === undefined ? undefined : toStoredTag(found);
  }

  /** Moves a tag. One from an upstream does not move, nor hide, one that was pushed. */
  async set(repository: string, name: string, digest: string, cached: boolean): Promise<void> {
    const present = await this.#entries(tagKeys(repository, name));
    if (cached && present.some((entry) => entry.cached !== true)) return;
    // Another instance's clock may be ahead of ours.
    const newest = Math.max(0, ...present.map(({ taggedAt }) => taggedAt));
    const time = Math.max(this.#bucket.now(), newest + 1);
    const kind = cached ? 'c' : 'l';
    const key = `${tagKeys(repository, name)}${encodeNumber(time)}.${digestHex(digest)}.${kind}`;
    await this.#bucket.put(key);
    await this.#bucket.remove(present.map((entry) => entry.key));
  }

  async delete(repository: string, name: string): Promise<boolean> {
    const present = await this.#entries(tagKeys(repository, name));
    await this.#bucket.remove(present.map(({ key }) => key));
    return present.length > 0;
  }

  /** Deletes all tags that name a manifest. */
  async deleteOf(repository: string, digest: string): Promise<void> {
    const entries = await this.#entries(tagsOf(repository));
    await this.#bucket.remove(entries.filter((entry) => entry.digest === digest).map(({ key }) => key));
  }

  async list(repository: string, { after, limit }: Page): Promise<StoredTag[]> {
    const found: StoredTag[] = [];
    let group: TagEntry[] = [];
    const flush = (): void => {
      const tag = winner(group);
      if (tag !== undefined) found.push(toStoredTag(tag));
      group = [];
    };
    const options = {
      ...(after === undefined ? {} : { after: `${tagKeys(repository, after)}${end}` }),
      ...(Number.isFinite(limit) ? { pageSize: limit + 1 } : {}),
    };
    for await (const { key } of this.#bucket.list(tagsOf(repository), options)) {
      const entry = parseTag(key);
      if (entry === undefined) continue;
      if (group[0] !== undefined && group[0].name !== entry.name) flush();
      if (found.length >= limit) return found;
      group.push(entry);
    }
    flush();
    return found.slice(0, limit);
  }

  async #entries(prefix: string): Promise<TagEntry[]> {
    return (await this.#bucket.keys(prefix)).flatMap((key) => parseTag(key) ?? []);
  }
}
