/** What becomes of a finished build: an image in the store, and whatever else the request names. */
import { publishTag } from '../../engine/images.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { hostPlatform } from '../../oci/platform.ts';
import type { BuildResult } from '../build-types.ts';
import type { BuiltImage, OutputJob, OutputParts } from '../built-image.ts';
import type { BuildSession } from './build-session.ts';

export async function writeOutputs(
  outputs: OutputParts,
  session: BuildSession,
  images: readonly BuiltImage[],
): Promise<BuildResult> {
  // Steps of other stages may still be becoming layers.
  if (session.request.cacheTo.length > 0) await Promise.allSettled(session.background);
  const prepared = await outputs.prepare(outputJob(session, images));
  try {
    return await writePrepared(outputs, session, prepared.images);
  } finally {
    await prepared.settle();
  }
}

function outputJob(session: BuildSession, images: readonly BuiltImage[]): OutputJob {
  const { request, progress, signal, cacheMounts } = session;
  return {
    request,
    images,
    cacheMounts: [...cacheMounts.records()].map(([key, { id }]) => ({ id, root: cacheMounts.rootOf(key) })),
    step: (name, work) => progress.step({ name }, work),
    signal,
  };
}

async function writePrepared(
  outputs: OutputParts,
  session: BuildSession,
  images: readonly BuiltImage[],
): Promise<BuildResult> {
  const isStored = session.request.outputs.some(({ kind }) => kind === 'image');
  const stored = isStored ? await storeImage(session, images) : undefined;
  const further = await outputs.write(outputJob(session, images));
  return {
    ...(stored === undefined ? {} : { imageId: stored }),
    ...further,
    metadata: {
      ...(stored === undefined ? {} : { 'containerimage.config.digest': stored }),
      ...further.metadata,
    },
  };
}

/** The image of this host's platform, where there are several. */
async function storeImage(session: BuildSession, images: readonly BuiltImage[]): Promise<string> {
  const { engine, request, progress } = session;
  const host = hostPlatform();
  const image = images.find(({ platform }) => platform.architecture === host.architecture) ?? images[0];
  if (image === undefined) throw new EngineError('internal', 'a build without an image');
  const { config, layers } = image;
  const names = request.outputs.flatMap((output) => (output.kind === 'image' ? output.names : []));
  return await progress.step({ name: 'exporting to image' }, async (vertex) => {
    const id = await engine.images.builds.put({ config, layers, names });
    vertex.log(`writing image ${id}\n`);
    for (const name of names) {
      vertex.log(`naming to ${name}\n`);
      publishTag(engine, engine.images.get(id), name);
    }
    return id;
  });
}
