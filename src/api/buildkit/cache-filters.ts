/** Filters of `buildx du` and `buildx prune`, in containerd's form: `type==exec.cachemount`, `description~=…`, `inuse==true`. */
import type { CacheRecord } from '../../build/build-types.ts';
import { EngineError } from '../../errors/engine-error.ts';

export interface CacheFilters {
  /** As `PruneCacheQuery` has them. */
  filters: ReadonlyMap<string, readonly string[]>;
  matches: (record: CacheRecord) => boolean;
}

type Read = (record: CacheRecord) => string;

const fields: Readonly<Record<string, Read>> = {
  id: (record) => record.id,
  parents: (record) => record.parents.join(';'),
  parent: (record) => record.parents.join(';'),
  description: (record) => record.description,
  inuse: (record) => String(record.isInUse),
  mutable: (record) => String(record.type === 'source.local' || record.type === 'exec.cachemount'),
  shared: (record) => String(record.isShared),
  private: (record) => String(!record.isShared),
  type: (record) => record.type,
};

const form = /^(?<name>[a-z]+)(?:(?<operator>==|~=|!=|=)(?<value>.*))?$/s;

/** Parts of one filter, joined by commas, are all to fit; of several filters one. EngineError `invalid-argument`. */
export function cacheFilters(texts: readonly string[]): CacheFilters {
  const alternatives = texts.map((text) => splitFilter(text).map(parsePart));
  const filters = new Map<string, string[]>();
  for (const { name, value } of alternatives.flat()) filters.set(name, [...(filters.get(name) ?? []), value]);
  return {
    filters,
    matches: (record) =>
      alternatives.length === 0 || alternatives.some((parts) => parts.every((part) => part.fits(record))),
  };
}

function splitFilter(text: string): string[] {
  return text.split(',').filter((part) => part !== '');
}

function parsePart(text: string): { name: string; value: string; fits: (record: CacheRecord) => boolean } {
  const { name = '', operator = '==', value: raw } = form.exec(text)?.groups ?? {};
  const read = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (read === undefined) {
    throw new EngineError('invalid-argument', `failed to parse prune filters: ${JSON.stringify(text)}`, {
      hint: `a filter is of one of ${Object.keys(fields).join(', ')}`,
    });
  }
  const value = raw === undefined ? 'true' : raw.replace(/^"(.*)"$/s, '$1');
  if (operator === '!=') return { name, value, fits: (record) => read(record) !== value };
  if (operator === '~=') {
    const pattern = parsePattern(value);
    return { name, value, fits: (record) => pattern.test(read(record)) };
  }
  return { name, value, fits: (record) => read(record) === value };
}

function parsePattern(value: string): RegExp {
  try {
    return new RegExp(value, 's');
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid pattern in a filter: ${value}`, { cause });
  }
}

/** By the fields of a prune's query: of each field one of the values. Fields that are not known fit nothing. */
export function matchesFields(record: CacheRecord, filters: ReadonlyMap<string, readonly string[]>): boolean {
  return [...filters].every(([name, values]) => {
    const read = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return read !== undefined && values.includes(read(record));
  });
}
