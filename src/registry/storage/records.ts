/** What the database keeps of a registry: one document a blob link, a manifest, a tag, an upload. */
import { EngineError } from '../../errors/engine-error.ts';
import type { StoredManifest } from '../registry-types.ts';

/** A blob in a repository. Its key is `REPOSITORY@DIGEST`. */
export interface LinkRecord {
  /** Milliseconds since the epoch. */
  usedAt: number;
}

/** Its key is `REPOSITORY:TAG`. */
export interface TagRecord {
  digest: string;
  /** Milliseconds since the epoch. */
  taggedAt: number;
  /** Set by what came from an upstream. */
  cached?: boolean;
}

/** Its key is the upload's ID. */
export interface UploadRecord {
  repository: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** Tells the parts of a key. Neither repositories nor tags have `@` or `:` in them. */
export function splitKey(key: string, separator: '@' | ':'): [repository: string, name: string] {
  const index = key.indexOf(separator);
  return [key.slice(0, index), key.slice(index + 1)];
}

function fields(
  value: unknown,
  what: string,
  required: Record<string, 'string' | 'number' | 'object'>,
): unknown {
  const isWhole =
    typeof value === 'object' &&
    value !== null &&
    Object.entries(required).every(([name, type]) => typeof Reflect.get(value, name) === type);
  if (isWhole) return value;
  throw new EngineError('data-loss', `the registry's database holds a damaged ${what}`, {
    hint: 'restore the registry from a backup, or start with an empty directory and push again',
  });
}

export function parseLink(value: unknown): LinkRecord {
  return fields(value, 'blob link', { usedAt: 'number' }) as LinkRecord;
}

export function parseTag(value: unknown): TagRecord {
  return fields(value, 'tag', { digest: 'string', taggedAt: 'number' }) as TagRecord;
}

export function parseUpload(value: unknown): UploadRecord {
  return fields(value, 'upload', { repository: 'string', startedAt: 'number' }) as UploadRecord;
}

export function parseManifestRecord(value: unknown): StoredManifest {
  return fields(value, 'manifest', {
    digest: 'string',
    mediaType: 'string',
    size: 'number',
    references: 'object',
    pushedAt: 'number',
    pulledAt: 'number',
  }) as StoredManifest;
}
