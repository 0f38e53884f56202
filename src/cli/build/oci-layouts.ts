/** OCI image layouts on this host's disk: contexts (`oci-layout://`) and caches (`type=local`). */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../../errors/engine-error.ts';

export interface OciLayout {
  root: string;
}

/** `index.json` has no digest of its own by which it could be asked for. */
const indexName = 'index.json';

function blobPath({ root }: OciLayout, digest: string): string {
  if (digest === indexName) return join(root, indexName);
  const [, algorithm = '', hex = ''] = /^(sha256|sha512):([0-9a-f]{64,128})$/.exec(digest) ?? [];
  if (hex === '') throw new EngineError('invalid-argument', `invalid digest ${JSON.stringify(digest)}`);
  return join(root, 'blobs', algorithm, hex);
}

/** EngineError `not-found`. */
export function readBlob(layout: OciLayout, digest: string): Readable {
  const path = blobPath(layout, digest);
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new EngineError('not-found', `${digest} is not in the layout ${layout.root}`);
  return createReadStream(path);
}

/** EngineError `data-loss` where the content has another digest. */
export async function writeBlob(
  layout: OciLayout,
  digest: string,
  data: AsyncIterable<Buffer>,
): Promise<void> {
  const path = blobPath(layout, digest);
  mkdirSync(join(path, '..'), { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  const [algorithm = ''] = digest.split(':');
  const hash = digest === indexName ? undefined : createHash(algorithm);
  try {
    await pipeline(
      data,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash?.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(temporary),
    );
    if (hash !== undefined && `${algorithm}:${hash.digest('hex')}` !== digest)
      throw new EngineError('data-loss', `what came as ${digest} is something else`);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const marker = join(layout.root, 'oci-layout');
  if (!existsSync(marker)) await pipeline(['{"imageLayoutVersion":"1.0.0"}'], createWriteStream(marker));
}

/** The digest that a layout's index gives a tag, or its only entry. EngineError `not-found`. */
export function resolveInLayout(layout: OciLayout, tag: string | undefined): string {
  const index: unknown = JSON.parse(readFileSync(join(layout.root, indexName), 'utf8'));
  const manifests: unknown[] =
    typeof index === 'object' && index !== null && 'manifests' in index && Array.isArray(index.manifests)
      ? index.manifests
      : [];
  const found = tag === undefined ? manifests[0] : manifests.find((one) => refName(one) === tag);
  const digest: unknown =
    typeof found === 'object' && found !== null ? Reflect.get(found, 'digest') : undefined;
  if (typeof digest === 'string') return digest;
  throw new EngineError('not-found', `the layout ${layout.root} has no ${tag ?? 'image'}`);
}

function refName(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null || !('annotations' in entry)) return undefined;
  const { annotations } = entry;
  return typeof annotations === 'object' && annotations !== null
    ? Reflect.get(annotations, 'org.opencontainers.image.ref.name')
    : undefined;
}
