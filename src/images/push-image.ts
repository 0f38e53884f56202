/** Pushes an image. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageParts } from './image-parts.ts';
import type { PushRequest } from './image-types.ts';

export function pushImage(_parts: ImageParts, _request: PushRequest): Promise<void> {
  return Promise.reject(new EngineError('not-implemented', 'not yet'));
}
