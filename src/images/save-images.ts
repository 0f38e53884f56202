/** Writes images into one archive: `docker save`. */
import type { Readable } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import type { ImageParts } from './image-parts.ts';

export function saveImages(
  _parts: ImageParts,
  _names: readonly string[],
  _options: { platform?: string },
  _signal?: AbortSignal,
): Promise<Readable> {
  return Promise.reject(new EngineError('not-implemented', 'not yet'));
}
