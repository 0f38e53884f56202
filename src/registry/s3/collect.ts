/** One collection of a bucket, start to end. Why it is right beside pushes is told in `collect-blobs.ts`. */
import type { CollectOptions, CollectReport } from '../registry-types.ts';
import { collectBlobs, surveyBlobs } from './collect-blobs.ts';
import type { CollectContext } from './collect-context.ts';
import { collectLinks } from './collect-links.ts';
import { collectManifests } from './collect-manifests.ts';
import { surveyRepositories } from './collect-survey.ts';
import { collectNameless, collectUploads, surveyData } from './collect-uploads.ts';

/** Reports what went, or would with `dryRun`. Stops early once the signal aborts. */
export async function collect(
  parts: Pick<CollectContext, 'bucket' | 'blobs' | 'records' | 'isInHand'>,
  options: CollectOptions,
): Promise<CollectReport> {
  const report: CollectReport = { blobs: 0, manifests: 0, uploads: 0, freed: 0 };
  const now = parts.bucket.now();
  const context: CollectContext = { ...parts, options, now, id: crypto.randomUUID().slice(0, 8), report };
  // In this order: each may name what the ones before it saw without a name, or what needs it.
  const data = await surveyData(context);
  const uploads = await collectUploads(context);
  const repositories = await surveyRepositories(parts.bucket, parts.records);
  const blobs = await surveyBlobs(context);
  await collectNameless(context, data, uploads, blobs);
  if (options.untagged) await collectManifests(context, repositories);
  await collectBlobs(context, repositories, blobs);
  await collectLinks(context, repositories, blobs);
  return report;
}
