/** The grammars of repository names, tags and digests (distribution-spec, "Pulling manifests"). */
import { isDigest } from '../../oci/digest.ts';
import { registryError } from './registry-error.ts';

const maxNameLength = 255;
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const namePattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Is it a repository's name? */
export function isRepositoryName(text: string): boolean {
  return text.length <= maxNameLength && namePattern.test(text);
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** Returns `text` where it is a repository's name; NAME_INVALID otherwise. */
export function checkName(text: string): string {
  if (isRepositoryName(text)) return text;
  throw registryError('NAME_INVALID', {
    detail: { name: text.slice(0, maxNameLength) },
    hint: 'use at most 255 lower-case letters, digits, and separators: . _ __ - /',
  });
}

/** Returns `text` where it is a digest that this registry can verify; DIGEST_INVALID otherwise. */
export function checkDigest(text: string): string {
  const isKnown: boolean = isDigest(text);
  if (isKnown) return text;
  if (text === '') throw registryError('DIGEST_INVALID', { message: 'digest missing' });
  const isOther = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(text) && !text.startsWith('sha256:');
  throw registryError('DIGEST_INVALID', {
    message: isOther ? 'this registry knows digests of algorithm sha256 only' : 'invalid digest',
    detail: { digest: text.slice(0, 200) },
    hint: 'use sha256: and 64 lower-case hexadecimal digits',
  });
}
