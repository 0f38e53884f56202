/** Deletes uploads that nobody goes on with, and bytes that a crash left without a name. */

import type { SurveyedBlobs } from './collect-blobs.ts';
import type { CollectContext } from './collect-context.ts';
import { dataKey, dataPrefix, uploadKey, uploadsPrefix } from './keys.ts';
import { abortMultipart, listMultiparts, type OpenMultipart } from './multipart.ts';
import { mapParallel } from './parallel.ts';
import { readState, type UploadState } from './upload-state.ts';

/** Milliseconds after which bytes that neither a blob nor an upload names are those of a request that died: none is without a name for longer. */
const namelessFor = 10 * 60_000;

interface NamelessBytes {
  id: string;
  /** Bytes. */
  size: number;
  modifiedAt: number;
}

/** What is not yet named by anything: read before the uploads and the blobs are, so that one of those names whatever came into being properly. */
export interface SurveyedData {
  objects: NamelessBytes[];
  multiparts: OpenMultipart[];
}

export async function surveyData({ bucket, now }: CollectContext): Promise<SurveyedData> {
  const objects: NamelessBytes[] = [];
  for await (const { key, size, modifiedAt } of bucket.list(dataPrefix))
    if (now - modifiedAt > namelessFor) objects.push({ id: key.slice(dataPrefix.length), size, modifiedAt });
  const multiparts = await listMultiparts(bucket, dataPrefix);
  return { objects, multiparts: multiparts.filter(({ startedAt }) => now - startedAt > namelessFor) };
}

/** Returns the IDs of all uploads that there are. */
export async function collectUploads(context: CollectContext): Promise<Set<string>> {
  const { bucket, options, now, report } = context;
  const ids = (await bucket.keys(uploadsPrefix)).map((key) => key.slice(uploadsPrefix.length));
  const grace = options.uploadGrace ?? options.grace;
  if (grace === Number.POSITIVE_INFINITY) return new Set(ids);
  await mapParallel(ids, async (id) => {
    if (context.isInHand(id)) return;
    const state = await readState(bucket, id);
    if (state === undefined || now - state.updatedAt < grace) return;
    report.uploads += 1;
    report.freed += state.partBytes + state.tail;
    if (!options.dryRun) await removeUpload(context, state);
  });
  return new Set(ids);
}

async function removeUpload({ bucket }: CollectContext, { id, multipartId }: UploadState): Promise<void> {
  if (multipartId !== '') await abortMultipart(bucket, { key: dataKey(id), id: multipartId });
  // Not the bytes: where they are whole already, a commit under way is about to name them.
  await bucket.remove([uploadKey(id)]);
}

/** `uploads` are those that there were after `data` was read, and `blobs` were read after those. */
export async function collectNameless(
  context: CollectContext,
  data: SurveyedData,
  uploads: ReadonlySet<string>,
  blobs: SurveyedBlobs,
): Promise<void> {
  const { bucket, options, report } = context;
  const held = new Set([...blobs.generations.values()].flat().map(({ id }) => id));
  const isNamed = (id: string): boolean => uploads.has(id) || context.isInHand(id);
  const objects = data.objects.filter(({ id }) => !held.has(id) && !isNamed(id));
  const multiparts = data.multiparts.filter(({ key }) => !isNamed(key.slice(dataPrefix.length)));
  report.uploads += objects.length + multiparts.length;
  report.freed += objects.reduce((sum, { size }) => sum + size, 0);
  if (options.dryRun) return;
  await bucket.remove(objects.map(({ id }) => dataKey(id)));
  await mapParallel(multiparts, (upload) => abortMultipart(bucket, upload));
}
