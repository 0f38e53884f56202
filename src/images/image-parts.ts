/** What the operations on images share. */
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { BlobPhase } from './download-blob.ts';
import type { ImageTable } from './image-table.ts';
import type { Collector } from './leases.ts';
import type { RegistryConfig } from './registry/endpoints.ts';
import type { Transport } from './registry/transport.ts';
import type { SharedWork } from './shared-work.ts';
import type { Slots } from './slots.ts';

export interface ImageConfiguration extends RegistryConfig {
  /** Layers downloaded at once, over all pulls; 3 unless told. */
  maxConcurrentDownloads: number;
}

export interface ImageParts {
  config: ImageConfiguration;
  table: ImageTable;
  blobs: BlobStore;
  snapshots: Snapshotter;
  collector: Collector;
  transport: Transport;
  /** Downloads under way, by digest. */
  downloads: SharedWork<void, BlobPhase | { phase: 'waiting' }>;
  downloadSlots: Slots;
}
