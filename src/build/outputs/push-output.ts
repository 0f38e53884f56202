/** Output `image` with `push`, and `registry`: layers, configurations, manifests, and only then what the tag names. */
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { ImageTransfers } from '../../images/image-types.ts';
import type { RepositoryPush } from '../../images/transfer-types.ts';
import { parseReference } from '../../oci/reference.ts';
import type { BuildOutput, BuildResult } from '../build-types.ts';
import type { OutputJob, StepReport } from '../built-image.ts';
import { type Document, indexOf, metadataOf, type WrittenImage, writeImages } from './image-manifests.ts';
import { annotationsOf, flagOf, formOf } from './output-options.ts';

type ImageOutput = Extract<BuildOutput, { kind: 'image' }>;

/** Stored images keep the manifest that they were pushed with, or that annotations ask for. */
export async function writeImageOutput(
  transfers: ImageTransfers,
  lease: BuildLease,
  job: OutputJob,
  output: ImageOutput,
): Promise<Partial<BuildResult>> {
  const { names, push, attributes = {} } = output;
  const annotations = annotationsOf(output.annotations);
  const hasForm = 'compression' in attributes || 'oci-mediatypes' in attributes;
  if (!push && !hasForm && Object.keys(output.annotations).length === 0) return { metadata: namesOf(names) };
  if (push && names.length === 0) {
    throw new EngineError('invalid-argument', 'tag is needed when pushing to registry', {
      hint: 'name the image with -t, or with name=… in the output',
    });
  }
  const isOci = flagOf(attributes, 'oci-mediatypes');
  const options = { form: formOf(attributes), isOci, annotations };
  const written = await job.step('exporting layers', () =>
    writeImages(transfers, lease, job.images, options, job.signal),
  );
  const index = written.length > 1 ? indexOf(written, annotations.of('index')) : undefined;
  const top = index ?? written[0]?.manifest;
  if (top === undefined) throw new EngineError('internal', 'a push of no image');
  for (const { config, manifest } of written) await transfers.remember(config.digest, manifest);
  if (push)
    for (const name of names)
      await job.step(`pushing ${name}`, (report) =>
        pushAs(transfers, job, { name, output, written, index }, report),
      );
  return { manifestDigest: top.digest, metadata: { ...metadataOf(written, top), ...namesOf(names) } };
}

function namesOf(names: readonly string[]): Record<string, string> {
  return names.length === 0 ? {} : { 'image.name': names.join(',') };
}

interface Pushing {
  name: string;
  output: ImageOutput;
  written: readonly WrittenImage[];
  index: Document | undefined;
}

async function pushAs(
  transfers: ImageTransfers,
  { request, signal }: OutputJob,
  { name, output, written, index }: Pushing,
  report: StepReport,
): Promise<void> {
  const { domain } = parseReference(name);
  const auth = await request.secrets.credentials(domain, signal);
  const isByDigest = flagOf(output.attributes ?? {}, 'push-by-digest') === true;
  const isInsecure = output.isInsecure || flagOf(output.attributes ?? {}, 'registry.insecure') === true;
  await transfers.push({ reference: name, auth, isInsecure, signal }, async (push) => {
    await pushBlobs(push, written, report);
    const tag = isByDigest ? undefined : (push.reference.tag ?? 'latest');
    for (const { manifest } of written)
      await push.manifest((index === undefined ? tag : undefined) ?? manifest.digest, manifest);
    if (index !== undefined) await push.manifest(tag ?? index.digest, index);
    const only = index === undefined ? written[0] : undefined;
    if (only !== undefined) await transfers.remember(only.config.digest, only.manifest, push.reference);
  });
}

async function pushBlobs(
  push: RepositoryPush,
  written: readonly WrittenImage[],
  report: StepReport,
): Promise<void> {
  const unique = new Map(
    written.flatMap(({ layers, config }) => [...layers, config]).map((blob) => [blob.digest, blob]),
  );
  const outcomes = await Promise.allSettled(
    [...unique.values()].map(async (blob) => {
      const startedAt = Date.now();
      const part = { id: blob.digest, name: `pushing ${blob.digest}`, total: blob.size, startedAt };
      await push.blob(blob, (current) => report.progress({ ...part, current }));
      report.progress({ ...part, current: blob.size, completedAt: Date.now() });
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
