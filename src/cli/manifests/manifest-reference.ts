/** Names of manifests: in full, and with the tag that counts where none is written. */
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { familiarWithTag, type ImageName, parseImageName } from '../image-name.ts';

/** `docker.io/library/alpine:latest`. */
export function fullWithTag(name: ImageName): string {
  return `${name.full}${familiarWithTag(name).slice(name.familiar.length)}`;
}

/** `registry.example:5000` of a name in full. */
export function registryOf(ref: string): string {
  return ref.slice(0, ref.indexOf('/'));
}

/** The name in full; what is wrong with it is said after `prefix`. */
export function parseManifestName(text: string, prefix = ''): ImageName {
  try {
    return parseImageName(text);
  } catch (error) {
    if (!isEngineError(error) || prefix === '') throw error;
    throw new EngineError('invalid-argument', `${prefix} ${text}: ${error.message}`, { cause: error });
  }
}
