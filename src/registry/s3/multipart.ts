/** Multipart uploads of one bucket (Amazon S3 user guide, "Uploading and copying objects using multipart upload"). */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { EngineError } from '../../errors/engine-error.ts';
import type { Bucket } from './bucket.ts';

export interface UploadedPart {
  /** From 1. */
  number: number;
  etag: string;
  /** Bytes. */
  size: number;
}

export interface OpenMultipart {
  key: string;
  id: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** Returns the upload's ID. */
export async function createMultipart(bucket: Bucket, key: string): Promise<string> {
  const { UploadId } = await bucket.run(() =>
    bucket.client.send(
      new CreateMultipartUploadCommand({
        Bucket: bucket.name,
        Key: bucket.path(key),
        ...bucket.encryptionFields(),
        ...bucket.dataFields(),
      }),
    ),
  );
  if (UploadId !== undefined) return UploadId;
  throw new EngineError('unavailable', 'the object storage began a multipart upload without an ID');
}

export async function uploadPart(
  bucket: Bucket,
  upload: { key: string; id: string },
  number: number,
  body: Uint8Array,
): Promise<UploadedPart> {
  const { ETag = '' } = await bucket.run(() =>
    bucket.client.send(
      new UploadPartCommand({
        Bucket: bucket.name,
        Key: bucket.path(upload.key),
        UploadId: upload.id,
        PartNumber: number,
        Body: body,
      }),
    ),
  );
  return { number, etag: ETag, size: body.length };
}

/** The parts in order; undefined where there is no such upload. */
export async function listParts(
  bucket: Bucket,
  upload: { key: string; id: string },
): Promise<UploadedPart[] | undefined> {
  const parts: UploadedPart[] = [];
  for (let marker: string | undefined; ; ) {
    const answer = await bucket.find(() =>
      bucket.client.send(
        new ListPartsCommand({
          Bucket: bucket.name,
          Key: bucket.path(upload.key),
          UploadId: upload.id,
          ...(marker === undefined ? {} : { PartNumberMarker: marker }),
        }),
      ),
    );
    if (answer === undefined) return undefined;
    for (const { PartNumber = 0, ETag = '', Size = 0 } of answer.Parts ?? [])
      parts.push({ number: PartNumber, etag: ETag, size: Size });
    if (answer.IsTruncated !== true || answer.NextPartNumberMarker === undefined) return parts;
    marker = answer.NextPartNumberMarker;
  }
}

/** The service refuses where a part's bytes are not those that its etag was given for. */
export async function completeMultipart(
  bucket: Bucket,
  upload: { key: string; id: string },
  parts: readonly UploadedPart[],
): Promise<void> {
  await bucket.run(() =>
    bucket.client.send(
      new CompleteMultipartUploadCommand({
        Bucket: bucket.name,
        Key: bucket.path(upload.key),
        UploadId: upload.id,
        MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
      }),
    ),
  );
}

/** Does nothing where it is not there. */
export async function abortMultipart(bucket: Bucket, upload: { key: string; id: string }): Promise<void> {
  await bucket.find(() =>
    bucket.client.send(
      new AbortMultipartUploadCommand({
        Bucket: bucket.name,
        Key: bucket.path(upload.key),
        UploadId: upload.id,
      }),
    ),
  );
}

/** All that were begun below `prefix` and neither completed nor aborted. */
export async function listMultiparts(bucket: Bucket, prefix: string): Promise<OpenMultipart[]> {
  const found: OpenMultipart[] = [];
  let markers: { KeyMarker?: string; UploadIdMarker?: string } = {};
  const base = bucket.path('').length;
  for (;;) {
    const answer = await bucket.run(() =>
      bucket.client.send(
        new ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: bucket.path(prefix), ...markers }),
      ),
    );
    for (const { Key = '', UploadId = '', Initiated } of answer.Uploads ?? [])
      found.push({ key: Key.slice(base), id: UploadId, startedAt: Initiated?.getTime() ?? Date.now() });
    if (answer.IsTruncated !== true || answer.NextKeyMarker === undefined) return found;
    markers = {
      KeyMarker: answer.NextKeyMarker,
      ...(answer.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: answer.NextUploadIdMarker }),
    };
  }
}
