/** What goes in and out of the blob store, for builds: types that the image room and those who use it share. */
import type { Readable } from 'node:stream';
import type { Reference } from '../oci/reference.ts';
import type { BlobRecord } from './image-records.ts';

export interface LayerForm {
  compression: 'gzip' | 'zstd' | 'uncompressed';
  /** The compressor's own; its default without. */
  level?: number;
  /** Layers that are compressed otherwise, too. */
  isForced: boolean;
}

/** What an archive of images is made of. */
export interface SavePlan {
  /** By digest: bytes that are at hand, or undefined for a blob of the store. */
  blobs: Map<string, Buffer | undefined>;
  /** Top-level files by name. */
  documents: Map<string, Buffer>;
}

/** Where layers come from: a registry, or a layout. `offset` of the answer is the first byte that it gives. */
export interface LayerSource {
  blob(digest: string, offset: number, signal?: AbortSignal): Promise<{ body: Readable; offset: number }>;
}

/** A repository that documents are read from. */
export interface DocumentSource extends LayerSource {
  /** By tag or digest, verified. */
  manifest(reference: string, signal?: AbortSignal): Promise<FetchedDocument>;
}

export interface FetchedDocument {
  data: Buffer;
  /** What it was served as. */
  mediaType: string;
  digest: string;
}

export interface RepositoryPush {
  reference: Reference;
  /** One blob that is here; `report` hears how many bytes are sent. */
  blob(blob: BlobRecord, report?: (current: number) => void): Promise<void>;
  /** Under a tag, or its own digest. */
  manifest(name: string, manifest: FetchedDocument): Promise<void>;
}
