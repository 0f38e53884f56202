/** Which images an archive holds: by `manifest.json` (Docker archives, old and new) or by `index.json` (OCI layouts). */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { type Descriptor, type Manifest, type ManifestIndex, parseManifest } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { formatPlatform, hostPlatform, type Platform, selectByPlatform } from '../oci/platform.ts';
import { parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { ArchiveSpool } from './archive-spool.ts';

export interface ArchivedImage {
  configDigest: string;
  /** Blobs of the layers, base first. */
  layerDigests: string[];
  /** Each with a tag. */
  names: Reference[];
  /** Where the archive has the image's manifest. */
  manifestDigest?: string;
}

interface Archive {
  spool: ArchiveSpool;
  blobs: BlobStore;
  /** What of an image for several platforms is wanted; this host's unless told. */
  platform: Platform | undefined;
}

/** Nobody builds indexes of indexes deep, or names more images in one archive. */
const maxDepth = 3;
const maxImages = 10_000;

function invalid(what: string): EngineError {
  return new EngineError('invalid-argument', `invalid image archive: ${what}`, {
    hint: 'give a tar archive that docker save, or an OCI tool, wrote',
  });
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** EngineErrors: `invalid-argument` where the archive is neither kind, `not-found` where it has nothing for `platform`. */
export async function imagesOf(archive: Archive): Promise<ArchivedImage[]> {
  const { spool } = archive;
  const manifest = spool.document('manifest.json');
  if (manifest !== undefined) return await dockerImages(archive, manifest);
  const index = spool.document('index.json');
  if (index !== undefined) return await ociImages(archive, layoutIndex(index));
  throw invalid('it has neither manifest.json nor index.json');
}

/** Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format". */
async function dockerImages(archive: Archive, manifest: unknown): Promise<ArchivedImage[]> {
  const { spool } = archive;
  if (!Array.isArray(manifest) || manifest.length > maxImages)
    throw invalid('manifest.json is no list of images');
  const images = manifest.map((item: unknown): ArchivedImage => {
    const { Config: config, Layers: layers, RepoTags: tags } = (item ?? {}) as Record<string, unknown>;
    if (typeof config !== 'string' || (!isStrings(layers) && layers !== null))
      throw invalid('manifest.json names no configuration or no layers');
    return {
      configDigest: spool.digest(config),
      layerDigests: (layers ?? []).map((path) => spool.digest(path)),
      names: isStrings(tags) ? tags.map(taggedName) : [],
    };
  });
  const manifests = await manifestsByConfig(archive);
  return images.map((image) => withManifest(image, manifests.get(image.configDigest)));
}

function taggedName(text: string): Reference {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest === undefined) return reference;
  throw new EngineError('invalid-argument', `invalid tag "${text.slice(0, 200)}"`);
}

function withManifest(
  image: ArchivedImage,
  found: { digest: string; manifest: Manifest } | undefined,
): ArchivedImage {
  const isSame =
    found?.manifest.layers.length === image.layerDigests.length &&
    found.manifest.layers.every((layer, index) => layer.digest === image.layerDigests[index]);
  return found !== undefined && isSame ? { ...image, manifestDigest: found.digest } : image;
}

/** The manifests of an archive that is an OCI layout as well. One that is not in order is as good as none: Docker does not look. */
async function manifestsByConfig(
  archive: Archive,
): Promise<Map<string, { digest: string; manifest: Manifest }>> {
  const found = new Map<string, { digest: string; manifest: Manifest }>();
  try {
    const index = archive.spool.document('index.json');
    if (index === undefined) return found;
    for (const descriptor of layoutIndex(index).manifests) {
      const image = await manifestOf(archive, descriptor);
      if (image !== undefined) found.set(image.manifest.config.digest, image);
    }
  } catch (error) {
    if (!isEngineError(error)) throw error;
  }
  return found;
}

function layoutIndex(document: unknown): ManifestIndex {
  const index = parseManifest(Buffer.from(JSON.stringify(document)), mediaTypes.ociIndex);
  if (index.kind !== 'index' || index.manifests.length > maxImages)
    throw invalid('index.json is no index of images');
  return index;
}

async function ociImages(archive: Archive, index: ManifestIndex): Promise<ArchivedImage[]> {
  const images = new Map<string, ArchivedImage>();
  for (const descriptor of index.manifests) {
    const image = await manifestOf(archive, descriptor);
    if (image === undefined) continue;
    const { digest, manifest } = image;
    // Two names of one image are two entries.
    const names = [...(images.get(digest)?.names ?? []), ...nameOf(descriptor)];
    images.set(digest, {
      configDigest: blobIn(archive, manifest.config),
      layerDigests: manifest.layers.map((layer) => blobIn(archive, layer)),
      names,
      manifestDigest: digest,
    });
  }
  return [...images.values()];
}

function blobIn({ spool, blobs }: Archive, { digest, size }: Descriptor): string {
  const actual = spool.digest(`blobs/${digest.replace(':', '/')}`);
  if (actual === digest && blobs.size(digest) === size) return digest;
  throw new EngineError('data-loss', `invalid image archive: blob ${digest} is damaged`, {
    hint: 'the archive is damaged: save it again',
  });
}

/** One descriptor of the layout: an image, or an index of which one platform's image is taken. Undefined for other things (attestations, artifacts). */
async function manifestOf(
  archive: Archive,
  descriptor: Descriptor,
  depth = 0,
): Promise<{ digest: string; manifest: Manifest } | undefined> {
  if (descriptor.platform?.os === 'unknown') return undefined;
  const digest = blobIn(archive, descriptor);
  const document = parseManifest(await archive.blobs.read(digest), descriptor.mediaType);
  if (document.kind === 'manifest') return isImage(document) ? { digest, manifest: document } : undefined;
  if (depth === maxDepth) throw invalid('indexes within indexes');
  const chosen = choose(archive, document);
  return chosen === undefined ? undefined : await manifestOf(archive, chosen, depth + 1);
}

/** An artifact's configuration is of another type. */
function isImage({ config }: Manifest): boolean {
  return config.mediaType === mediaTypes.ociConfig || config.mediaType === mediaTypes.dockerConfig;
}

function choose({ spool, platform }: Archive, { manifests }: ManifestIndex): Descriptor | undefined {
  // An archive need not hold all that its indexes name.
  const here = manifests.filter(
    (item) =>
      item.platform?.os !== 'unknown' && spool.find(`blobs/${item.digest.replace(':', '/')}`) === item.digest,
  );
  const chosen = selectByPlatform(here, platform ?? hostPlatform());
  if (chosen !== undefined || platform === undefined) return chosen ?? here[0];
  throw noPlatform(
    platform,
    here.flatMap((item) => (item.platform === undefined ? [] : [item.platform])),
  );
}

/** EngineError `not-found` for an archive that has nothing for the platform. */
export function noPlatform(platform: Platform, offered: readonly Platform[]): EngineError {
  const names = [...new Set(offered.map(formatPlatform))].join(', ') || 'no platform';
  return new EngineError(
    'not-found',
    `requested platform (${formatPlatform(platform)}) not found: image contains ${names}`,
    {
      hint: 'choose one of these with --platform',
    },
  );
}

/** containerd's and BuildKit's full name, else the OCI annotation where it is a whole reference. */
function nameOf({ annotations = {} }: Descriptor): Reference[] {
  const full = annotations['io.containerd.image.name'];
  const short = annotations['org.opencontainers.image.ref.name'];
  const name = full ?? (short !== undefined && /[/:]/.test(short) ? short : undefined);
  return name === undefined ? [] : [taggedName(name)];
}
