/** Outputs of builds, and caches to and from elsewhere, put together for an engine. */
import type { Engine } from '../../engine/engine.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { BuildOutput, BuildResult } from '../build-types.ts';
import type { OutputJob, OutputParts } from '../built-image.ts';
import { exportCache } from '../cache-transfer/export-cache.ts';
import { importCaches } from '../cache-transfer/import-cache.ts';
import { writeArchive } from './archive-output.ts';
import { type LocalParts, sweepExports, writeLocal, writeTar } from './files-output.ts';
import { prepareImages } from './prepare-images.ts';
import { writeImageOutput } from './push-output.ts';

type OutputEngine = Pick<Engine, 'images' | 'snapshots' | 'launcher' | 'config'>;

/** Takes away what a crash left of exports. */
export async function createOutputs(engine: OutputEngine, files: LocalParts['files']): Promise<OutputParts> {
  const { images, snapshots } = engine;
  const { transfers } = images;
  const parts = { transfers, snapshots, files };
  await sweepExports(engine);
  return {
    prepare: async (job) => {
      const lease = transfers.lease();
      const settle = (): Promise<void> => transfers.release(lease);
      try {
        return { images: await prepareImages(parts, lease, job), settle };
      } catch (error) {
        await settle();
        throw error;
      }
    },
    write: async (job) => {
      const lease = transfers.lease();
      try {
        return await writeAll({ engine, files }, lease, job);
      } finally {
        await transfers.release(lease);
      }
    },
    importCache: (request, signal, places) => importCaches(parts, request, signal, places),
  };
}

/** One after the other, as they were asked for; the cache last. */
async function writeAll(
  { engine, files }: { engine: OutputEngine; files: LocalParts['files'] },
  lease: BuildLease,
  job: OutputJob,
): Promise<Partial<BuildResult>> {
  const result: Partial<BuildResult> = {};
  let metadata: Record<string, string> = {};
  const add = ({ metadata: more = {}, ...rest }: Partial<BuildResult>): void => {
    Object.assign(result, rest);
    metadata = { ...metadata, ...more };
  };
  for (const output of job.request.outputs) add(await writeOutput({ engine, files }, lease, job, output));
  const parts = { transfers: engine.images.transfers, snapshots: engine.snapshots };
  for (const target of job.request.cacheTo) add({ metadata: await exportCache(parts, lease, job, target) });
  return { ...result, metadata };
}

async function writeOutput(
  { engine, files }: { engine: OutputEngine; files: LocalParts['files'] },
  lease: BuildLease,
  job: OutputJob,
  output: BuildOutput,
): Promise<Partial<BuildResult>> {
  const { images, signal, request } = job;
  const { transfers } = engine.images;
  switch (output.kind) {
    case 'image':
      return await writeImageOutput(transfers, lease, job, output);
    case 'docker':
    case 'oci':
      return await job.step(`exporting to ${output.kind} image format`, () =>
        writeArchive(transfers, lease, images, output, signal),
      );
    case 'tar':
      await job.step('sending tarball', () =>
        writeTar(engine, images, output, request.sourceDateEpoch, signal),
      );
      return {};
    case 'local':
      await job.step('copying files', () => writeLocal({ engine, files }, images, output, signal));
      return {};
    case 'none':
      return {};
  }
}
