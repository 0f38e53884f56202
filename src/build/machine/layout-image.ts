/** A named context that is an OCI layout at the client's: its image is brought into the store, as `docker load` would. */
import { Readable } from 'node:stream';
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { Image } from '../../images/image-types.ts';
import { digestHex, digestOf } from '../../oci/digest.ts';
import { type Descriptor, type Manifest, parseManifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { type Platform, selectByPlatform } from '../../oci/platform.ts';
import { endOfArchive, memberHeader, paddingOf } from '../../util/tar/tar-writer.ts';

/** Content by digest. */
export type OpenContent = (digest: string) => Promise<Readable>;

/** Bytes of a manifest or index. */
const maxManifest = 4 * 1024 * 1024;

/** EngineErrors `data-loss` where content is not what its digest says, `not-found` where nothing is for the platform, others as of loading an image. */
export async function loadLayout(
  { images }: Pick<Engine, 'images'>,
  digest: string,
  open: OpenContent,
  platform: Platform,
  signal: AbortSignal,
): Promise<Image> {
  const found = await findManifest(digest, open, platform);
  const archive = Readable.from(layoutTar(found, open), { objectMode: false });
  const [image] = await images.load(archive, () => undefined, signal);
  if (image === undefined) throw new EngineError('data-loss', `the layout has no image ${digest}`);
  return image;
}

interface FoundManifest {
  digest: string;
  data: Buffer;
  manifest: Manifest;
}

async function findManifest(digest: string, open: OpenContent, platform: Platform): Promise<FoundManifest> {
  const data = await readAll(digest, await open(digest));
  const manifest = parseManifest(data);
  if (manifest.kind === 'manifest') return { digest, data, manifest };
  const [first, ...others] = manifest.manifests;
  const chosen = selectByPlatform(manifest.manifests, platform) ?? (others.length === 0 ? first : undefined);
  if (chosen === undefined)
    throw new EngineError('not-found', `the layout has no image for ${platform.os}/${platform.architecture}`);
  return await findManifest(chosen.digest, open, platform);
}

async function readAll(digest: string, stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxManifest)
      throw new EngineError('resource-exhausted', `the manifest ${digest} is too large`);
  }
  const data = Buffer.concat(chunks);
  if (digestOf(data) === digest) return data;
  throw new EngineError('data-loss', `the layout's content of ${digest} is another`);
}

/** An OCI image layout (image-spec, image-layout.md) with this one image; whoever reads it verifies the digests. */
async function* layoutTar(
  { digest, data, manifest }: FoundManifest,
  open: OpenContent,
): AsyncGenerator<Buffer> {
  const mediaType = manifest.mediaType || mediaTypes.ociManifest;
  const index = { schemaVersion: 2, manifests: [{ mediaType, digest, size: data.length }] };
  yield* member('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  yield* member('index.json', Buffer.from(JSON.stringify(index)));
  yield* member(pathOf(digest), data);
  const blobs = new Map([manifest.config, ...manifest.layers].map((one) => [one.digest, one]));
  for (const blob of blobs.values()) yield* blobMember(blob, open);
  yield endOfArchive;
}

function pathOf(digest: string): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

function* member(name: string, data: Buffer): Generator<Buffer> {
  yield headerOf(name, data.length);
  yield data;
  yield Buffer.alloc(paddingOf(data.length));
}

async function* blobMember({ digest, size }: Descriptor, open: OpenContent): AsyncGenerator<Buffer> {
  yield headerOf(pathOf(digest), size);
  let left = size;
  for await (const chunk of await open(digest)) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw new EngineError('data-loss', `the layout's content of ${digest} is another`);
  yield Buffer.alloc(paddingOf(size));
}

function headerOf(name: string, size: number): Buffer {
  return memberHeader({
    name: Buffer.from(name),
    type: 'file',
    link: Buffer.alloc(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: { seconds: 0, nanoseconds: 0 },
    major: 0,
    minor: 0,
    xattrs: new Map(),
  });
}
