/** What the steps of one collection share. */
import type { CollectOptions, CollectReport } from '../registry-types.ts';
import type { Bucket } from './bucket.ts';
import type { ManifestRecords } from './manifest-records.ts';
import type { S3Blobs } from './s3-blobs.ts';

export interface CollectContext {
  bucket: Bucket;
  blobs: S3Blobs;
  records: ManifestRecords;
  options: CollectOptions;
  /** Does a request of this instance have the upload? */
  isInHand: (uploadId: string) => boolean;
  /** Milliseconds since the epoch: when the collection began. What was used later is not old, whatever the grace. */
  now: number;
  /** Of this collection. */
  id: string;
  report: CollectReport;
}
