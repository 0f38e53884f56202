/** Which image a new container is made of, and whether its platform fits. */
import { EngineError } from '../errors/engine-error.ts';
import type { Image } from '../images/image-types.ts';
import {
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformMatches,
} from '../oci/platform.ts';
import { familiarReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { Engine } from './engine.ts';

/** EngineError `not-found`: "No such image: foo:latest", which tells clients to pull it; the same for one of another platform. */
export function findImage(
  engine: Pick<Engine, 'images'>,
  reference: string,
  platform: string | undefined,
): { image: Image; warnings: string[] } {
  if (reference === '') throw new EngineError('invalid-argument', 'invalid reference format');
  const image = engine.images.find(reference);
  if (image === undefined) throw noSuchImage(reference);
  const offered = platformOf(image);
  if (platform !== undefined && platform !== '') {
    if (platformMatches(parsePlatform(platform), offered)) return { image, warnings: [] };
    throw new EngineError(
      'not-found',
      `image with reference ${reference} was found but its platform (${formatPlatform(offered)}) does not match the specified platform (${platform})`,
      { hint: `pull it for that platform: pull --platform ${platform} ${reference}` },
    );
  }
  const host = hostPlatform();
  if (platformMatches(host, offered)) return { image, warnings: [] };
  const warning = `The requested image's platform (${formatPlatform(offered)}) does not match the detected host platform (${formatPlatform(host)}) and no specific platform was requested`;
  return { image, warnings: [warning] };
}

function platformOf({ config }: Image): Platform {
  const { os, architecture, variant } = config;
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

function noSuchImage(reference: string): EngineError {
  const hint = `pull it first: pull ${reference}`;
  if (/^(sha256:)?[0-9a-f]{64}$/.test(reference)) {
    return new EngineError('not-found', `No such image: ${reference}`);
  }
  const name = familiarReference(withDefaultTag(parseReference(reference)));
  return new EngineError('not-found', `No such image: ${name}`, { hint });
}
