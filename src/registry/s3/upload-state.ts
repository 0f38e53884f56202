/** What the bucket remembers of an upload between two requests: one object, written at once, so that it is never half true. */

import { readBytes } from '../../images/registry/read-text.ts';
import type { Bucket } from './bucket.ts';
import { decodeNumber, encodeNumber, uploadKey } from './keys.ts';
import { listParts, type UploadedPart } from './multipart.ts';
import { maxPartSize } from './s3-options.ts';

export interface UploadState {
  id: string;
  repository: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  updatedAt: number;
  /** Changes with every write: whoever remembers something of an upload knows by it whether that still holds. */
  revision: string;
  /** '' where no part was sent. */
  multipartId: string;
  /** How many parts count, and their bytes. */
  parts: number;
  partBytes: number;
  /** Bytes behind the parts, too few for a part: the object's content. */
  tail: number;
}

/** Writes the state; `tail` are the bytes behind the parts. */
export async function saveState(
  bucket: Bucket,
  state: Omit<UploadState, 'tail' | 'updatedAt' | 'revision'>,
  tail: Uint8Array,
): Promise<string> {
  const revision = crypto.randomUUID();
  await bucket.put(uploadKey(state.id), tail, {
    repository: state.repository,
    started: encodeNumber(state.startedAt),
    updated: encodeNumber(bucket.now()),
    revision,
    multipart: state.multipartId,
    parts: encodeNumber(state.parts),
    bytes: encodeNumber(state.partBytes),
    tail: encodeNumber(tail.length),
  });
  return revision;
}

function parseState(id: string, metadata: Record<string, string>): UploadState {
  const number = (name: string): number => decodeNumber(metadata[name]);
  return {
    id,
    repository: metadata['repository'] ?? '',
    startedAt: number('started'),
    updatedAt: number('updated'),
    revision: metadata['revision'] ?? '',
    multipartId: metadata['multipart'] ?? '',
    parts: number('parts'),
    partBytes: number('bytes'),
    tail: number('tail'),
  };
}

/** Without the tail's bytes. */
export async function readState(bucket: Bucket, id: string): Promise<UploadState | undefined> {
  const metadata = await bucket.metadata(uploadKey(id));
  return metadata === undefined ? undefined : parseState(id, metadata);
}

export interface ResumedState {
  state: UploadState;
  tail: Buffer;
  parts: UploadedPart[];
}

/** All that an upload goes on with. Undefined where it is gone, or its parts are. `key` is that of the multipart upload. */
export async function loadState(bucket: Bucket, id: string, key: string): Promise<ResumedState | undefined> {
  const found = await bucket.get(uploadKey(id));
  if (found === undefined) return undefined;
  const tail = await bucket.run(() => readBytes(found.body, maxPartSize));
  const state = parseState(id, found.metadata);
  if (state.multipartId === '') return { state, tail, parts: [] };
  const listed = await listParts(bucket, { key, id: state.multipartId });
  // Parts that were sent after the state was written don't count: the client sends their bytes again.
  const parts = listed?.filter(({ number }) => number <= state.parts);
  if (parts === undefined) return undefined;
  const bytes = parts.reduce((sum, { size }) => sum + size, 0);
  return parts.length === state.parts && bytes === state.partBytes ? { state, tail, parts } : undefined;
}
