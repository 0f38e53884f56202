/** Asks the daemon for manifests of a registry. */
import { segment } from '../../client/query.ts';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { RemoteManifestRow } from '../../wire/image.ts';
import type { Context } from '../context.ts';
import { registryAuthHeader } from '../credentials/registry-auth.ts';
import { familiarWithTag, type ImageName } from '../image-name.ts';
import { isIndex, verboseDocument } from '../output/manifest-text.ts';
import { fullWithTag } from './manifest-reference.ts';
import type { StoredManifest } from './manifest-store.ts';

/** EngineError `not-found` "no such manifest: NAME", and the daemon's. */
export async function fetchManifests(
  context: Context,
  name: ImageName,
  query: { insecure: boolean; expand: boolean },
): Promise<readonly RemoteManifestRow[]> {
  const headers = registryAuthHeader(context, name.full);
  const path = `/gantry/manifests/${segment(familiarWithTag(name))}`;
  try {
    return await context.client.call<RemoteManifestRow[]>('GET', path, { query, headers });
  } catch (error) {
    throw isEngineError(error, 'not-found') ? noSuchManifest(name, error) : error;
  }
}

export function noSuchManifest(name: ImageName, cause?: unknown): EngineError {
  return new EngineError('not-found', `no such manifest: ${fullWithTag(name)}`, { cause });
}

/** The manifest of one image, to be put into a list. EngineError `invalid-argument` for a list. */
export async function fetchImageManifest(
  context: Context,
  name: ImageName,
  insecure: boolean,
): Promise<StoredManifest> {
  const rows = await fetchManifests(context, name, { insecure, expand: true });
  const [row] = rows;
  if (row === undefined) throw noSuchManifest(name);
  // A list expands to what it names, and each of those has a name by digest that differs from the one asked for.
  const [own] = rows.length > 1 ? [] : await fetchManifests(context, name, { insecure, expand: false });
  if (own === undefined || isIndex(own)) {
    throw new EngineError('invalid-argument', `${fullWithTag(name)} is a manifest list`, {
      hint: `Name its images one by one; "gantry manifest inspect ${name.familiar}" lists them.`,
    });
  }
  return verboseDocument({ ...row, Ref: fullWithTag(name) });
}
