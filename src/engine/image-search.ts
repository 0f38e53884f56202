/** Searches a registry, with Docker's filters and limits. */
import { EngineError } from '../errors/engine-error.ts';
import type { RegistryAuth, SearchResult } from '../images/image-types.ts';
import type { Engine } from './engine.ts';
import type { Filters } from './filters.ts';

export interface SearchRequest {
  term: string;
  /** 0 for Docker's default, 25. */
  limit: number;
  filters: Filters;
}

const defaultLimit = 25;
const maxLimit = 100;
const knownFilters = ['is-automated', 'is-official', 'stars'];

/** EngineErrors `invalid-argument`, and those of `ImageService.search`. */
export async function searchImages(
  engine: Pick<Engine, 'images'>,
  { term, limit, filters }: SearchRequest,
  auth?: RegistryAuth,
  signal?: AbortSignal,
): Promise<SearchResult[]> {
  if (limit < 0 || limit > maxLimit) {
    throw new EngineError('invalid-argument', `limit ${limit} is outside the range of [1, ${maxLimit}]`, {
      hint: `give a limit from 1 to ${maxLimit}`,
    });
  }
  const fits = makeFilter(filters);
  const found = await engine.images.search(term, limit === 0 ? defaultLimit : limit, auth, signal);
  return found.filter(fits);
}

function makeFilter(filters: Filters): (result: SearchResult) => boolean {
  for (const name of filters.keys()) {
    if (!knownFilters.includes(name))
      throw new EngineError('invalid-argument', `invalid filter '${name}'`, {
        hint: `use one of ${knownFilters.join(', ')}`,
      });
  }
  const isOfficial = booleanFilter(filters, 'is-official');
  const isAutomated = booleanFilter(filters, 'is-automated');
  const stars = Math.max(0, ...(filters.get('stars') ?? []).map(parseStars));
  return (result) =>
    (isOfficial === undefined || result.isOfficial === isOfficial) &&
    (isAutomated === undefined || result.isAutomated === isAutomated) &&
    result.starCount >= stars;
}

function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name);
  if (values === undefined || values.length === 0) return undefined;
  const [value = ''] = values;
  const isTrue = ['1', 'true'].includes(value.toLowerCase());
  if (values.length === 1 && (isTrue || ['0', 'false'].includes(value.toLowerCase()))) return isTrue;
  throw new EngineError('invalid-argument', `invalid filter '${name}=[${values.join(' ')}]'`, {
    hint: 'give true or false',
  });
}

function parseStars(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new EngineError('invalid-argument', `invalid filter 'stars=[${text}]'`, { hint: 'give a number' });
}
