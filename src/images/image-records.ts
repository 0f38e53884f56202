/** What the database keeps of images: one document an image, one a reference. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageConfig } from '../oci/image-config.ts';

export interface BlobRecord {
  digest: string;
  mediaType: string;
  /** Bytes. */
  size: number;
}

export interface LayerOfImage {
  diffId: string;
  chainId: string;
  /** The archive that the layer came in, kept so that a push sends it as it is. */
  blob: BlobRecord;
}

/** Its key is the image's ID, the digest of the config blob. */
export interface ImageRecord {
  config: ImageConfig;
  /** Base layer first. */
  layers: LayerOfImage[];
  /** Manifest (and the index that led to it) that the image came with: blobs too. */
  manifestDigests: string[];
  /** ID of the image that this one was committed or built from on this host. */
  parent?: string;
}

/** Its key is the canonical reference: `docker.io/library/busybox:latest`, `docker.io/library/busybox@sha256:…`. */
export interface ReferenceRecord {
  imageId: string;
  /** Milliseconds since the epoch. */
  taggedAt: number;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function damaged(what: string): EngineError {
  return new EngineError('data-loss', `the database holds a damaged ${what}`, {
    hint: 'remove the data root’s images and pull them again',
  });
}

/** Written by this program: what matters is that it is whole. */
export function parseImageRecord(value: unknown): ImageRecord {
  if (!isObject(value) || !isObject(value['config']) || !Array.isArray(value['layers']))
    throw damaged('image');
  if (!Array.isArray(value['manifestDigests'])) throw damaged('image');
  return value as unknown as ImageRecord;
}

export function parseReferenceRecord(value: unknown): ReferenceRecord {
  if (!isObject(value) || typeof value['imageId'] !== 'string' || typeof value['taggedAt'] !== 'number') {
    throw damaged('image reference');
  }
  return { imageId: value['imageId'], taggedAt: value['taggedAt'] };
}
