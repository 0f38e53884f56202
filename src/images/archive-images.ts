/** Which images an archive holds: by `manifest.json` (Docker archives, old and new) or by `index.json` (OCI layouts). */
import { EngineError } from '../errors/engine-error.ts';
import { type Descriptor, parseManifest } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { hostPlatform, selectByPlatform } from '../oci/platform.ts';
import { familiarReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { ArchiveSpool } from './archive-spool.ts';

export interface ArchivedImage {
  configDigest: string;
  /** Blobs of the layers, base first. */
  layerDigests: string[];
  layerTypes: string[];
  /** References as they stand in the archive. */
  names: string[];
  /** OCI layouts only. */
  manifestDigest?: string;
}

function invalid(what: string): EngineError {
  return new EngineError('invalid-argument', `invalid image archive: ${what}`, {
    hint: 'give a tar archive that docker save, or an OCI tool, wrote',
  });
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** EngineError `invalid-argument` where the archive is neither kind. */
export async function imagesOf(spool: ArchiveSpool, blobs: BlobStore): Promise<ArchivedImage[]> {
  const manifest = spool.document('manifest.json');
  if (manifest !== undefined) return dockerImages(spool, manifest);
  const index = spool.document('index.json');
  if (index !== undefined) return await ociImages(spool, blobs, index);
  throw invalid('it has neither manifest.json nor index.json');
}

/** Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format". */
function dockerImages(spool: ArchiveSpool, manifest: unknown): ArchivedImage[] {
  if (!Array.isArray(manifest)) throw invalid('manifest.json is no list');
  return manifest.map((item: unknown) => {
    const { Config: config, Layers: layers, RepoTags: tags } = (item ?? {}) as Record<string, unknown>;
    if (typeof config !== 'string' || !isStrings(layers))
      throw invalid('manifest.json names no configuration or no layers');
    return {
      configDigest: spool.digest(config),
      layerDigests: layers.map((path) => spool.digest(path)),
      layerTypes: layers.map(() => mediaTypes.ociLayer),
      names: isStrings(tags) ? tags : [],
    };
  });
}

async function ociImages(spool: ArchiveSpool, blobs: BlobStore, document: unknown): Promise<ArchivedImage[]> {
  const index = parseManifest(Buffer.from(JSON.stringify(document)), mediaTypes.ociIndex);
  if (index.kind !== 'index') throw invalid('index.json is no index');
  const images: ArchivedImage[] = [];
  for (const descriptor of index.manifests) {
    const image = await ociImage(spool, blobs, descriptor);
    if (image !== undefined) images.push({ ...image, names: nameOf(descriptor) });
  }
  return images;
}

function blobIn(spool: ArchiveSpool, { digest }: Descriptor): string {
  const actual = spool.digest(`blobs/${digest.replace(':', '/')}`);
  if (actual !== digest)
    throw new EngineError('data-loss', `invalid image archive: blob ${digest} is damaged`);
  return digest;
}

/** One descriptor of the layout: an image, or an index of which this host's image is taken. Undefined for other things (attestations). */
async function ociImage(
  spool: ArchiveSpool,
  blobs: BlobStore,
  descriptor: Descriptor,
  depth = 0,
): Promise<ArchivedImage | undefined> {
  const digest = blobIn(spool, descriptor);
  const document = parseManifest(await blobs.read(digest), descriptor.mediaType);
  if (document.kind === 'manifest') {
    if (descriptor.platform?.os === 'unknown') return undefined;
    return {
      configDigest: blobIn(spool, document.config),
      layerDigests: document.layers.map((layer) => blobIn(spool, layer)),
      layerTypes: document.layers.map((layer) => layer.mediaType),
      names: [],
      manifestDigest: digest,
    };
  }
  const chosen = selectByPlatform(document.manifests, hostPlatform()) ?? document.manifests[0];
  if (chosen === undefined || depth > 2) return undefined;
  return await ociImage(spool, blobs, chosen, depth + 1);
}

/** containerd's and BuildKit's full name, else the OCI annotation where it is a whole reference. */
function nameOf({ annotations = {} }: Descriptor): string[] {
  const full = annotations['io.containerd.image.name'];
  const short = annotations['org.opencontainers.image.ref.name'];
  const name = full ?? (short !== undefined && /[/:]/.test(short) ? short : undefined);
  return name === undefined ? [] : [familiarReference(withDefaultTag(parseReference(name)))];
}
