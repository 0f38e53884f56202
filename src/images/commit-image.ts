/** Makes an image of a container's changes. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageParts } from './image-parts.ts';
import type { CommitRequest } from './image-types.ts';

export function commitImage(
  _parts: ImageParts,
  _request: CommitRequest,
  _signal?: AbortSignal,
): Promise<string> {
  return Promise.reject(new EngineError('not-implemented', 'not yet'));
}
