/** BuildKit's side of the daemon: what its calls work with. One a daemon. */
import { join } from 'node:path';
import type { BuildEvent, Builder, BuildResult } from '../../build/build-types.ts';
import type { Engine } from '../../engine/engine.ts';
import type { SolveRequest } from '../../wire/buildkit/control-messages.ts';
import type { FrontendSolveRequest } from '../../wire/buildkit/gateway-messages.ts';
import { failureStatus } from './build-failure.ts';
import { imageOfInput } from './build-inputs.ts';
import { BuildJob, BuildJobs } from './build-job.ts';
import { buildRequestOf } from './build-request.ts';
import { ContextStore } from './context-store.ts';
import { StatusError } from './grpc-status.ts';
import { withKeptContexts } from './kept-contexts.ts';
import { SessionRegistry } from './session-registry.ts';

export interface BuildService {
  engine: Engine;
  builder: Builder;
  sessions: SessionRegistry;
  jobs: BuildJobs;
  contexts: ContextStore;
}

/** Its `builder` is the given one, with the kept contexts in its cache. */
export async function createBuildService(engine: Engine, builder: Builder): Promise<BuildService> {
  const contexts = await ContextStore.open(join(engine.config.dataRoot, 'build', 'contexts'));
  return {
    engine,
    builder: withKeptContexts(builder, contexts),
    sessions: new SessionRegistry(),
    jobs: new BuildJobs(),
    contexts,
  };
}

/** A whole `Solve`: waits for what the client chooses, and builds it. Throws `StatusError`s. */
export async function solve(
  service: BuildService,
  request: SolveRequest,
  signal: AbortSignal,
): Promise<BuildResult> {
  const job = new BuildJob(request, signal);
  service.jobs.add(job);
  const onAbort = (): void => job.chosen.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const result = await runJob(service, job);
    job.result.resolve(result);
    return result;
  } catch (error) {
    job.result.reject(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    job.log.end();
    service.jobs.removeSoon(job);
  }
}

const nothing: BuildResult = { metadata: {} };

async function runJob(service: BuildService, job: BuildJob): Promise<BuildResult> {
  const { solve: request } = job;
  const work = request.frontend === '' ? await job.chosen.promise : workOf(request);
  /* Questions about a Dockerfile were answered when they were asked. */
  if (work === undefined || work.frontendOpt.has('requestid')) return nothing;
  return await runBuild(service, job, work, false);
}

/** A client that does not lead its build: everything is in its one call. */
function workOf(request: SolveRequest): FrontendSolveRequest {
  return {
    frontend: request.frontend,
    frontendOpt: request.frontendAttrs,
    final: true,
    cacheImports: request.cache?.imports ?? [],
    frontendInputs: new Map(),
    evaluate: false,
  };
}

export async function runBuild(
  service: BuildService,
  job: BuildJob,
  work: FrontendSolveRequest,
  checkOnly: boolean,
): Promise<BuildResult> {
  let file: { name: string; data: Buffer } | undefined;
  const opened: Array<{ close(): Promise<void> }> = [];
  try {
    const session = await service.sessions.get(job.solve.session, job.signal);
    const request = await buildRequestOf({
      solve: checkOnly ? { ...job.solve, exporters: [], exporterDeprecated: '' } : job.solve,
      attributes: work.frontendOpt,
      session,
      sessions: service.sessions,
      store: service.contexts,
      opener: service.builder.contexts,
      onOpened: (context) => opened.push(context),
      signal: job.signal,
      checkOnly,
      imageOfBuild: (name) => imageOfInput(service.jobs, work, name),
      onEvent: (event) => job.log.add(job.signal.aborted ? asCancelled(event) : event),
      onDockerfile: (read) => {
        file = read;
      },
    });
    return await service.builder.build(request, job.signal);
  } catch (error) {
    throw new StatusError(failureStatus(error, { vertex: job.log.failed, file }), error);
  } finally {
    await Promise.allSettled(opened.map((context) => context.close()));
  }
}

/** Clients tell what was cancelled from what failed by these words. */
function asCancelled(event: BuildEvent): BuildEvent {
  if (event.kind !== 'vertex' || event.vertex.error === undefined) return event;
  return { kind: 'vertex', vertex: { ...event.vertex, error: 'context canceled' } };
}
