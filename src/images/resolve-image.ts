/** Which image a name, a digest, an ID or the beginning of an ID means, by Docker's rules. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { digestHex, isDigest, isDigestHex } from '../oci/digest.ts';
import {
  canonicalReference,
  familiarReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import type { ImageTable } from './image-table.ts';

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (isEngineError(error, 'invalid-argument')) return undefined;
    throw error;
  }
}

/** The reference that stands in the table: the tag does not count where there is a digest. */
export function storedReference(reference: Reference): string {
  const { domain, path, digest } = reference;
  return canonicalReference(digest === undefined ? withDefaultTag(reference) : { domain, path, digest });
}

function byPrefix(table: ImageTable, text: string): string | undefined {
  const hex = text.startsWith('sha256:') ? digestHex(text) : text;
  if (!/^[0-9a-f]{1,64}$/.test(hex)) return undefined;
  const found = table.ids().filter((id) => digestHex(id).startsWith(hex));
  return found.length === 1 ? found[0] : undefined;
}

/** The ID of the image that `text` names; undefined where there is none, or the prefix of an ID fits several. */
export function resolveImage(table: ImageTable, text: string): string | undefined {
  const id = isDigestHex(text) ? `sha256:${text}` : text;
  if (isDigest(id)) return table.record(id) === undefined ? undefined : id;
  const reference = tryParse(text);
  const named = reference === undefined ? undefined : table.referenced(storedReference(reference));
  return named ?? byPrefix(table, text);
}

/** Is `text` the image's ID, or how it begins? Docker removes by ID or by name in different ways. */
export function isIdPrefix(imageId: string, text: string): boolean {
  return imageId.startsWith(text) || digestHex(imageId).startsWith(text);
}

/** Docker's error for an image that is not here. EngineError `invalid-argument` where the name itself is bad. */
export function noSuchImage(text: string): EngineError {
  const isId = isDigest(text) || isDigestHex(text);
  const shown = isId ? text : familiarReference(withDefaultTag(parseReference(text)));
  return new EngineError('not-found', `No such image: ${shown}`, {
    hint: 'pull or load it first, or see which images there are',
  });
}
