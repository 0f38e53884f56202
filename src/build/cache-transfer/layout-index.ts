/** The index of an OCI image layout (image-spec, image-layout.md): which manifest has which tag. */
import { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import { parseBoundedJson } from '../../oci/bounded-json.ts';
import { parseDigest } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { LayoutAccess } from '../build-types.ts';
import type { Document } from '../outputs/image-manifests.ts';
import { asList, asObject } from './cache-config.ts';

export const indexName = 'index.json';
const refName = 'org.opencontainers.image.ref.name';
const maxIndex = 4 * 1024 * 1024;

type Entry = Record<string, unknown>;

/** Lets `tag` name a manifest that is in the layout. */
export async function nameInIndex(
  content: LayoutAccess,
  { mediaType, digest, data }: Document,
  tag = 'latest',
): Promise<void> {
  const others = (await entries(content)).filter((entry) => tagOf(entry) !== tag);
  const own = { mediaType, digest, size: data.length, annotations: { [refName]: tag } };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...others, own] };
  const bytes = Buffer.from(JSON.stringify(index));
  await content.write(indexName, bytes.length, Readable.from([bytes]));
}

/** EngineError `not-found`. */
export async function findInIndex(content: LayoutAccess, tag = 'latest'): Promise<string> {
  const found = (await entries(content)).find((entry) => tagOf(entry) === tag);
  if (found !== undefined) return parseDigest(found['digest']);
  throw new EngineError('not-found', `the layout has no cache of the tag ${tag}`, {
    hint: 'name a directory that a cache was exported to',
  });
}

function tagOf(entry: Entry): unknown {
  return asObject(entry['annotations'])[refName];
}

/** None where there is no index. */
async function entries(content: LayoutAccess): Promise<Entry[]> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of await content.read(indexName)) {
      chunks.push(Buffer.from(chunk));
      length += chunk.length;
      if (length > maxIndex)
        throw new EngineError('resource-exhausted', 'the index of the layout is too large');
    }
  } catch {
    return [];
  }
  const document = asObject(
    parseBoundedJson(Buffer.concat(chunks).toString('utf8'), 'invalid index of a layout'),
  );
  return asList(document['manifests']).map(asObject);
}
