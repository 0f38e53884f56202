/** Puts the builder together from its parts. */
import { availableParallelism } from 'node:os';
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Builder, BuildRequest, BuildResult, CacheRecord, PruneCacheQuery } from './build-types.ts';
import type { OpenRemoteContext, OutputParts } from './built-image.ts';
import { CacheMounts } from './cache/cache-mounts.ts';
import { StepCache } from './cache/step-cache.ts';
import type { Files } from './files/files-types.ts';
import { type BuildParts, processSlots, runBuild } from './machine/build-run.ts';
import { PlainFiles } from './machine/plain-files.ts';

export interface BuilderOptions {
  /** Outputs beside the image store, and caches from elsewhere; an error in the build that asks for them without. */
  outputs?: OutputParts;
  files?: Files;
  /** Contexts that are addresses. */
  openRemote?: OpenRemoteContext;
}

/** Takes away what a crash left of builds. Call it once an engine, after `createEngine`; `close` before the engine is closed. */
export async function createBuilder(engine: Engine, options: BuilderOptions = {}): Promise<Builder> {
  await engine.snapshots.drafts.sweep();
  return new EngineBuilder(engine, options);
}

class EngineBuilder implements Builder {
  readonly #parts: BuildParts;
  readonly #running = new Map<string, { controller: AbortController; ended: Promise<unknown> }>();

  constructor(engine: Engine, options: BuilderOptions) {
    this.#parts = {
      engine,
      cache: new StepCache(engine.database, engine.images.builds),
      cacheMounts: new CacheMounts(engine),
      slots: processSlots(availableParallelism()),
      files: options.files ?? new PlainFiles(),
      outputs: options.outputs,
      openRemote: options.openRemote,
      onFailed: (failed) => void failed.drop(),
    };
  }

  async build(request: BuildRequest, signal: AbortSignal): Promise<BuildResult> {
    if (this.#running.has(request.id))
      throw new EngineError('conflict', `a build ${request.id} is running already`);
    const controller = new AbortController();
    const ended = runBuild(this.#parts, request, AbortSignal.any([signal, controller.signal]));
    this.#running.set(request.id, { controller, ended });
    try {
      return await ended;
    } finally {
      this.#running.delete(request.id);
    }
  }

  cancel(id: string): boolean {
    const running = this.#running.get(id);
    running?.controller.abort();
    return running !== undefined;
  }

  cache(): CacheRecord[] {
    return [];
  }

  async prune(_query: PruneCacheQuery, _signal: AbortSignal): Promise<{ ids: string[]; bytes: number }> {
    return { ids: [], bytes: 0 };
  }

  async openFailedStep(buildId: string): Promise<string> {
    throw new EngineError('not-found', `no failed step is kept of build ${buildId}`);
  }

  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const { controller } of all) controller.abort();
    await Promise.allSettled(all.map(({ ended }) => ended));
  }
}
