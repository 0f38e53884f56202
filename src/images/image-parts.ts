/** What the operations on images share. */
import type { GzipHelper } from '../host/gzip-helper.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { BlobPhase } from './download-blob.ts';
import type { ImageTable } from './image-table.ts';
import type { Collector } from './leases.ts';
import type { RegistryConfig } from './registry/endpoints.ts';
import type { Transport } from './registry/transport.ts';
import type { SharedWork } from './shared-work.ts';
import type { Slots } from './slots.ts';
import type { UploadMemory } from './upload-memory.ts';

export interface ImageConfiguration extends RegistryConfig {
  /** Layers downloaded at once, over all pulls; 3 unless told. */
  maxConcurrentDownloads: number;
  /** Layers uploaded at once, over all pushes; 5 unless told. */
  maxConcurrentUploads: number;
  /** Tries in a row at a layer that bring nothing; 5 unless told. */
  maxDownloadAttempts: number;
}

export interface ImageParts {
  config: ImageConfiguration;
  table: ImageTable;
  blobs: BlobStore;
  snapshots: Snapshotter;
  collector: Collector;
  /** Compresses for pushes; zlib does without it. */
  gzip: GzipHelper | undefined;
  transport: Transport;
  /** Downloads under way, by digest. */
  downloads: SharedWork<void, BlobPhase | { phase: 'waiting' }>;
  downloadSlots: Slots;
  uploadSlots: Slots;
  uploads: UploadMemory;
}
