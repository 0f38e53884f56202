/** One build, from the Dockerfile's bytes to the image. */
import type { Engine } from '../../engine/engine.ts';
import { holdParentCgroup } from '../../engine/parent-cgroup.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { Slots } from '../../images/slots.ts';
import { hostPlatform, type Platform, parsePlatform } from '../../oci/platform.ts';
import type { BuildRequest, BuildResult } from '../build-types.ts';
import type { BuiltImage, OpenRemoteContext, OutputParts } from '../built-image.ts';
import type { CacheMounts } from '../cache/cache-mounts.ts';
import type { StepCache } from '../cache/step-cache.ts';
import type { Dockerfile } from '../dockerfile/ast.ts';
import { globalScope } from '../dockerfile/global-scope.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { resolveStages } from '../dockerfile/stages.ts';
import type { Files } from '../files/files-types.ts';
import { BuildNetworks } from '../run/build-networks.ts';
import { BaseImages } from './base-images.ts';
import { reportChecks } from './build-checks.ts';
import { BuildContexts, maxDocument } from './build-contexts.ts';
import { writeOutputs } from './build-outputs.ts';
import type { BuildSession } from './build-session.ts';
import { contextPaths } from './context-paths.ts';
import type { FailedSteps } from './failed-steps.ts';
import { imageConfig } from './image-config.ts';
import { Progress } from './progress.ts';
import type { StageResult } from './stage-result.ts';
import { StageRunner } from './stage-runner.ts';

export interface BuildParts {
  engine: Engine;
  cache: StepCache;
  cacheMounts: CacheMounts;
  slots: Slots;
  files: Files;
  outputs: OutputParts;
  openRemote: OpenRemoteContext;
  failedSteps: FailedSteps;
  /** Keys of steps by the build that uses them. */
  inUse: Map<string, Set<string>>;
}

/** Processes at once, of all builds: many more than cores, since most of them wait for something; only a bound. */
export function processSlots(cores: number): Slots {
  return new Slots(Math.max(16, cores * 4));
}

/** See `Builder.build`. */
export async function runBuild(
  parts: BuildParts,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { engine } = parts;
  if (request.squash)
    throw new EngineError('not-implemented', 'builds are not squashed here', {
      hint: 'make one layer of several by copying: FROM scratch, COPY --from=STAGE / /',
    });
  const releaseCgroup = holdParentCgroup(engine);
  const ending = new AbortController();
  const together = AbortSignal.any([signal, ending.signal, engine.closing]);
  const progress = new Progress(request.onEvent);
  const lease = engine.images.builds.lease();
  const networks = new BuildNetworks(engine, request);
  const contexts = new BuildContexts(request, progress, (url) => parts.openRemote(url, request), together);
  const session: BuildSession = {
    ...parts,
    request,
    progress,
    imported: undefined,
    workshop: { snapshots: engine.snapshots, builds: engine.images.builds, lease },
    networks,
    bases: new BaseImages(engine, request, progress, together),
    contexts,
    signal: together,
    steps: [],
    used: new Set(),
    making: new Map(),
    background: new Set(),
  };
  parts.inUse.set(request.id, session.used);
  try {
    const dockerfile = await readDockerfile(session);
    if (await reportChecks(session, dockerfile)) return { metadata: {} };
    if (request.cacheFrom.length > 0)
      session.imported = await parts.outputs.importCache(request, together, parts.cacheMounts);
    const images = await buildPlatforms(session, dockerfile);
    return await writeOutputs(parts.outputs, session, images);
  } catch (error) {
    ending.abort();
    throw signal.aborted || engine.closing.aborted ? cancelled(error) : error;
  } finally {
    ending.abort();
    await settle(session);
    await networks.close();
    await contexts.close();
    await session.imported?.close();
    parts.cache.flush();
    parts.inUse.delete(request.id);
    releaseCgroup();
    await engine.images.builds.release(lease);
  }
}

/** Steps that go on after the one that failed end now; layers that were made are kept for the next build. */
async function settle({ background }: BuildSession): Promise<void> {
  while (background.size > 0) {
    const all = [...background];
    await Promise.allSettled(all);
    for (const one of all) background.delete(one);
  }
}

async function readDockerfile({ request, progress, signal }: BuildSession): Promise<Dockerfile> {
  const { dockerfileContext, context, dockerfileName } = request;
  const name = `[internal] load build definition from ${dockerfileName}`;
  return await progress.step({ name }, async () => {
    const from = dockerfileContext ?? context;
    const bytes = await from.readFile(dockerfileName, maxDocument, signal);
    if (bytes === undefined)
      throw new EngineError(
        'not-found',
        `failed to read dockerfile: open ${dockerfileName}: no such file or directory`,
        {
          hint: 'name it with -f, or put a Dockerfile into the context',
        },
      );
    return parseDockerfile(bytes, dockerfileName);
  });
}

async function buildPlatforms(session: BuildSession, dockerfile: Dockerfile): Promise<BuiltImage[]> {
  const { platforms } = session.request;
  const wanted = platforms.length === 0 ? [hostPlatform()] : platforms.map(parsePlatform);
  const runners = wanted.map((platform) => stagesFor(session, dockerfile, platform, wanted.length > 1));
  return await Promise.all(
    runners.map(async (runner) => {
      const result = await runner.run();
      return await finish(session, runner.target, result);
    }),
  );
}

function stagesFor(
  session: BuildSession,
  dockerfile: Dockerfile,
  platform: Platform,
  isOneOfSeveral: boolean,
): StageRunner {
  const { buildArgs, target, namedContexts } = session.request;
  const scope = globalScope(dockerfile, {
    buildPlatform: hostPlatform(),
    targetPlatform: platform,
    target,
    buildArgs,
  });
  const plan = resolveStages(dockerfile, scope, { target, hasContext: (name) => namedContexts.has(name) });
  session.contexts.want(contextPaths(plan));
  return new StageRunner(session, plan, platform, isOneOfSeveral);
}

async function finish(session: BuildSession, platform: Platform, result: StageResult): Promise<BuiltImage> {
  const { labels, sourceDateEpoch } = session.request;
  const layers = await result.stack.kept();
  const own = new Set(result.keys);
  for (const step of session.steps) if (own.has(step.key)) step.isOfTarget = true;
  return {
    platform,
    config: imageConfig({ image: result.image, layers, labels, epoch: sourceDateEpoch }),
    layers,
    trees: session.workshop.snapshots.trees(layers.map(({ chainId }) => chainId)),
    baseLayers: result.baseLayers,
    ...(result.baseImageId === undefined ? {} : { baseImageId: result.baseImageId }),
    steps: session.steps,
  };
}

function cancelled(cause: unknown): EngineError {
  return new EngineError('cancelled', 'the build was cancelled', { cause });
}
