/** `POST /build`: the classic builder's API. */
import { randomUUID } from 'node:crypto';
import type { BuildContext, BuildEvent, BuildRequest } from '../build/build-types.ts';
import type { Dockerfile } from '../build/dockerfile/ast.ts';
import { globalScope, unusedBuildArgs } from '../build/dockerfile/global-scope.ts';
import { parseDockerfile } from '../build/dockerfile/parse.ts';
import { resolveStages } from '../build/dockerfile/stages.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { hostPlatform, parsePlatform } from '../oci/platform.ts';
import { familiarReference, parseReference } from '../oci/reference.ts';
import type { ProgressMessage } from '../wire/progress-message.ts';
import { ClassicOutput } from './build-classic-output.ts';
import { openClassicContext } from './build-context.ts';
import { classicSecrets } from './build-credentials.ts';
import { classicFailure } from './build-failure.ts';
import { type QueriedBuild, queriedBuild, queriedNames } from './build-query.ts';
import { type ClassicStep, classicSteps } from './build-steps.ts';
import type { Call } from './call.ts';
import { ProgressStream } from './stream-response.ts';

/** Bytes that a Dockerfile may have. */
const maxDockerfile = 16 * 1024 * 1024;

/** What is wrong with the request or the Dockerfile gets a status; what fails later is said in the stream. A client that goes ends the build. */
export async function postBuild(call: Call): Promise<void> {
  const queried = queriedBuild(call.query);
  const context = await openClassicContext(call);
  try {
    const { dockerfileName } = queried;
    const dockerfile = await readDockerfile(context, dockerfileName, call.signal);
    const steps = stepsOf(dockerfile, queried);
    const id = call.query.optional('buildid') ?? randomUUID();
    const request = { ...queried, id, context };
    await runClassic(call, request, steps, dockerfile);
  } finally {
    await context.close();
  }
}

async function readDockerfile(context: BuildContext, name: string, signal: AbortSignal): Promise<Dockerfile> {
  const bytes = await context.readFile(name, maxDockerfile, signal);
  if (bytes === undefined)
    throw new EngineError('internal', `Cannot locate specified Dockerfile: ${name}`, {
      hint: 'name it with -f, as a path within the context',
    });
  if (bytes.length === 0)
    throw new EngineError('invalid-argument', `the Dockerfile (${name}) cannot be empty`);
  return parseDockerfile(bytes, name);
}

function stepsOf(dockerfile: Dockerfile, { platforms, target, buildArgs }: QueriedBuild): ClassicStep[] {
  const [platform] = platforms;
  const scope = globalScope(dockerfile, {
    buildPlatform: hostPlatform(),
    targetPlatform: platform === undefined ? hostPlatform() : parsePlatform(platform),
    target,
    buildArgs,
  });
  return classicSteps(dockerfile, resolveStages(dockerfile, scope, { target, hasContext: () => false }));
}

function idOfImage({ images }: Engine, reference: string): string | undefined {
  try {
    return images.get(reference).id;
  } catch (error) {
    if (isEngineError(error)) return undefined;
    throw error;
  }
}

type Prepared = Omit<BuildRequest, 'secrets' | 'onEvent' | 'namedContexts'>;

function runClassic(
  call: Call,
  prepared: Prepared,
  steps: readonly ClassicStep[],
  dockerfile: Dockerfile,
): Promise<void> {
  const stream = new ProgressStream(call);
  const isQuiet = call.query.boolean('q');
  const say = (message: ProgressMessage): void => {
    if (!isQuiet) stream.send(message);
  };
  const output = new ClassicOutput(steps, say, (reference) => idOfImage(call.engine, reference));
  let failing: readonly [number, number] | undefined;
  const onEvent = (event: BuildEvent): void => {
    if (event.kind === 'vertex' && event.vertex.error !== undefined) failing ??= event.vertex.lines;
    output.take(event);
  };
  const request: BuildRequest = {
    ...prepared,
    namedContexts: new Map(),
    secrets: classicSecrets(call),
    onEvent,
  };
  return stream.run(async () => {
    const { imageId } = await call.builder.build(request, call.signal).catch((error: unknown) => {
      throw classicFailure(error, output.fail(failing));
    });
    output.finish(imageId);
    if (imageId === undefined) return;
    if (isQuiet) {
      stream.send({ stream: `${imageId}\n` });
      return;
    }
    stream.send({ aux: { ID: imageId } });
    const unused = unusedBuildArgs(dockerfile, request.buildArgs);
    if (unused.length > 0)
      stream.send({ stream: `[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n` });
    stream.send({ stream: `Successfully built ${imageId.slice('sha256:'.length).slice(0, 12)}\n` });
    for (const name of queriedNames(call.query))
      stream.send({ stream: `Successfully tagged ${familiarReference(parseReference(name))}\n` });
  });
}
