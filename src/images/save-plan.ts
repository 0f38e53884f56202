/** What an archive of images is made of: which blobs, and the documents that tell of them. */
import { EngineError } from '../errors/engine-error.ts';
import { digestHex, digestOf, isDigest, isDigestHex } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import {
  formatPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformMatches,
} from '../oci/platform.ts';
import {
  canonicalName,
  canonicalReference,
  familiarName,
  familiarReference,
  parseReference,
  type Reference,
} from '../oci/reference.ts';
import type { ImageParts } from './image-parts.ts';
import type { ImageRecord } from './image-records.ts';
import type { Lease } from './leases.ts';
import { noSuchImage, resolveImage } from './resolve-image.ts';
import type { SavePlan } from './transfer-types.ts';

/** An image, and the names under which it goes into the archive. */
interface Chosen {
  imageId: string;
  record: ImageRecord;
  tags: Map<string, Reference>;
}

/** `lease` holds what is in it from then on. EngineErrors: `not-found` for a name, or a platform that an image is not for; `data-loss` where a blob is missing. */
export async function planSave(
  parts: ImageParts,
  names: readonly string[],
  platform: string | undefined,
  lease: Lease,
): Promise<SavePlan> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  const images = chooseImages(parts, names, wanted);
  const plan: SavePlan = { blobs: new Map(), documents: new Map() };
  for (const { imageId, record } of images)
    lease.add(imageId, ...record.manifestDigests, ...record.layers.map(({ blob }) => blob.digest));
  const index: object[] = [];
  const manifests: object[] = [];
  for (const image of images) {
    const { digest, size, mediaType } = await addManifest(parts, image, plan);
    const { record, imageId } = image;
    for (const blob of [imageId, ...record.layers.map((layer) => layer.blob.digest)])
      addBlob(parts, blob, plan);
    const platformOf = platformOfImage(record);
    const tags = [...image.tags.values()];
    for (const annotations of tags.length === 0 ? [undefined] : tags.map(annotationsOf))
      index.push({ mediaType, digest, size, ...(annotations && { annotations }), platform: platformOf });
    manifests.push(dockerManifest(image));
  }
  const documents: Array<[string, unknown]> = [
    ['index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: index }],
    ['manifest.json', manifests],
    ['oci-layout', { imageLayoutVersion: '1.0.0' }],
    ['repositories', repositoriesOf(images)],
  ];
  for (const [name, value] of documents) plan.documents.set(name, Buffer.from(JSON.stringify(value)));
  return plan;
}

/** A name without a tag means all tags of its repository, as in Docker (moby, image/tarexport/save.go). */
function chooseImages(parts: ImageParts, names: readonly string[], platform: Platform | undefined): Chosen[] {
  const chosen = new Map<string, Chosen>();
  const choose = (imageId: string, tag: Reference | undefined): void => {
    const record = parts.table.record(imageId);
    if (record === undefined) throw noSuchImage(imageId);
    const image = chosen.get(imageId) ?? { imageId, record, tags: new Map() };
    chosen.set(imageId, image);
    if (tag?.tag !== undefined && tag.digest === undefined) image.tags.set(canonicalReference(tag), tag);
  };
  for (const name of names) {
    const imagesOfName = tagsOf(parts, name);
    for (const { imageId, tag } of imagesOfName) choose(imageId, tag);
    for (const { imageId } of imagesOfName) checkPlatform(name, chosen.get(imageId)?.record, platform);
  }
  return [...chosen.values()];
}

function tagsOf(parts: ImageParts, name: string): Array<{ imageId: string; tag?: Reference }> {
  const { table } = parts;
  const imageId = resolveImage(table, name);
  const reference = isDigest(name) || isDigestHex(name) ? undefined : referenceOf(name);
  if (reference !== undefined && reference.digest === undefined) {
    const tags = table
      .ids()
      .flatMap((id) => table.referencesTo(id).map((tag) => ({ imageId: id, tag })))
      .filter(({ tag }) => tag.digest === undefined && canonicalName(tag) === canonicalName(reference))
      .filter(({ tag }) => reference.tag === undefined || reference.tag === tag.tag);
    if (tags.length > 0) return tags;
  }
  if (imageId === undefined) throw noSuchImage(name);
  return [{ imageId }];
}

function referenceOf(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}

function platformOfImage({ config }: ImageRecord): Platform {
  const { os, architecture, variant } = config;
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

function checkPlatform(name: string, record: ImageRecord | undefined, wanted: Platform | undefined): void {
  if (wanted === undefined || record === undefined) return;
  const offered = platformOfImage(record);
  if (platformMatches(wanted, offered)) return;
  throw new EngineError(
    'not-found',
    `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(wanted)})`,
    { hint: `it is here for ${formatPlatform(offered)}: pull it for the other platform first` },
  );
}

function addBlob(parts: ImageParts, digest: string, plan: SavePlan): void {
  if (plan.blobs.has(digest)) return;
  if (!parts.blobs.has(digest)) {
    throw new EngineError('data-loss', `the data of the image is incomplete: blob ${digest} is missing`, {
      hint: 'pull or load the image again',
    });
  }
  plan.blobs.set(digest, undefined);
}

/** The manifest that the image came with, byte for byte, where all that it names is here; otherwise one made of what is here. */
async function addManifest(
  parts: ImageParts,
  image: Chosen,
  plan: SavePlan,
): Promise<{ digest: string; size: number; mediaType: string }> {
  const own = await ownManifest(parts, image);
  const data = own?.data ?? Buffer.from(JSON.stringify(ociManifest(parts, image)));
  const digest = digestOf(data);
  plan.blobs.set(digest, data);
  return { digest, size: data.length, mediaType: own?.mediaType ?? mediaTypes.ociManifest };
}

async function ownManifest(
  { blobs }: ImageParts,
  { imageId, record }: Chosen,
): Promise<{ data: Buffer; mediaType: string } | undefined> {
  const layers = new Set(record.layers.map(({ blob }) => blob.digest));
  for (const digest of record.manifestDigests.toReversed()) {
    if (!blobs.has(digest)) continue;
    const data = await blobs.read(digest);
    const manifest = parseManifest(data);
    if (manifest.kind !== 'manifest' || manifest.config.digest !== imageId) continue;
    if (manifest.layers.every((layer) => layers.has(layer.digest)))
      return { data, mediaType: manifest.mediaType };
  }
  return undefined;
}

/** Docker's media types in OCI's words. */
const ociTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayer]: mediaTypes.ociLayer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': mediaTypes.ociLayerZstd,
};

function ociManifest(parts: ImageParts, { imageId, record }: Chosen): object {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: imageId, size: parts.blobs.size(imageId) },
    layers: record.layers.map(({ blob: { mediaType, digest, size } }) => ({
      mediaType: ociTypes[mediaType] ?? mediaType,
      digest,
      size,
    })),
  };
}

/** By these containerd, Docker, podman and skopeo find an image in a layout. */
function annotationsOf(tag: Reference): Record<string, string> {
  return {
    'io.containerd.image.name': canonicalReference(tag),
    'org.opencontainers.image.ref.name': tag.tag ?? '',
  };
}

function blobPath(digest: string): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

/** Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format". */
function dockerManifest({ imageId, record, tags }: Chosen): object {
  return {
    Config: blobPath(imageId),
    RepoTags: tags.size === 0 ? null : [...tags.values()].map(familiarReference),
    Layers: record.layers.map(({ blob }) => blobPath(blob.digest)),
  };
}

/** What readers older than `manifest.json` look into. */
function repositoriesOf(images: readonly Chosen[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { record, imageId, tags } of images) {
    const top = digestHex(record.layers.at(-1)?.diffId ?? imageId);
    for (const tag of tags.values()) {
      const name = familiarName(tag);
      repositories[name] = { ...repositories[name], [tag.tag ?? '']: top };
    }
  }
  return repositories;
}
