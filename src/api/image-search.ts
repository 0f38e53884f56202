/** `GET /images/search`. */
import { searchImages } from '../engine/image-search.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { ImageSearchRow } from '../wire/image.ts';
import type { Call } from './call.ts';
import { registryAuth } from './registry-auth.ts';

export async function getImagesSearch(call: Call): Promise<ImageSearchRow[]> {
  const { engine, query } = call;
  const term = query.text('term');
  if (term === '') throw new EngineError('invalid-argument', 'term must be given');
  const found = await searchImages(
    engine,
    { term, limit: query.integer('limit') ?? 0, filters: query.filters() },
    registryAuth(call),
    call.signal,
  );
  return found.map(({ name, description, starCount, isOfficial, isAutomated }) => ({
    star_count: starCount,
    is_official: isOfficial,
    name,
    is_automated: isAutomated,
    description,
  }));
}
