/** All tags of a repository: `docker pull -a`. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageParts } from './image-parts.ts';
import type { PullRequest } from './image-types.ts';

export function pullAllTags(_parts: ImageParts, _request: PullRequest): Promise<string[]> {
  return Promise.reject(new EngineError('not-implemented', 'not yet'));
}
