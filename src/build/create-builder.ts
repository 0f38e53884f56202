/** Puts the builder together from its parts. */
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../errors/engine-error.ts';
import type {
  Builder,
  BuildRequest,
  BuildResult,
  CacheRecord,
  ContextOpener,
  PruneCacheQuery,
} from './build-types.ts';
import type { OutputParts } from './built-image.ts';
import { CacheMounts } from './cache/cache-mounts.ts';
import { CacheUpkeep } from './cache/cache-upkeep.ts';
import { StepCache } from './cache/step-cache.ts';
import { FileWork } from './files/file-work.ts';
import { type BuildParts, processSlots, runBuild } from './machine/build-run.ts';
import { FailedSteps, removeHidden } from './machine/failed-steps.ts';
import { createOutputs } from './outputs/create-outputs.ts';
import { openGitAccess } from './run/git-access.ts';
import { scratchRoot } from './run/step-scratch.ts';

export interface BuilderOptions {
  /** Outputs beside the image store, and caches from elsewhere; those of `outputs/` unless told. */
  outputs?: OutputParts;
}

/** Takes away what a crash left of builds. Call it once an engine, after `createEngine`; `close` before the engine is closed. */
export async function createBuilder(engine: Engine, options: BuilderOptions = {}): Promise<Builder> {
  await removeHidden(engine);
  await engine.snapshots.drafts.sweep();
  await rm(scratchRoot(engine.config), { recursive: true, force: true });
  const files = fileWork(engine);
  await files.sweep();
  const outputs = options.outputs ?? (await createOutputs(engine, files));
  return new EngineBuilder(engine, outputs, files);
}

class EngineBuilder implements Builder {
  readonly contexts: ContextOpener;
  readonly #parts: BuildParts;
  readonly #upkeep: CacheUpkeep;
  readonly #running = new Map<string, { controller: AbortController; ended: Promise<unknown> }>();

  constructor(engine: Engine, outputs: OutputParts, files: FileWork) {
    this.contexts = files.contexts;
    this.#parts = {
      engine,
      cache: new StepCache(engine.database, engine.images.builds),
      cacheMounts: new CacheMounts(engine),
      slots: processSlots(availableParallelism()),
      files,
      outputs,
      openRemote: (url, { dockerfileName, secrets }) =>
        files.contexts.remote(url, dockerfileName, async (signal) => {
          const { access, close } = await openGitAccess(engine, secrets, url, signal);
          // The build's own signal, which aborts at its end, too.
          signal.addEventListener('abort', () => void close(), { once: true });
          return access;
        }),
      inUse: new Map(),
      failedSteps: new FailedSteps(engine),
    };
    const { cache, cacheMounts, inUse } = this.#parts;
    this.#upkeep = new CacheUpkeep({
      engine,
      cache,
      cacheMounts,
      inUse: () => new Set([...inUse.values()].flatMap((keys) => [...keys])),
    });
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
      // How much room caches take is asked for at once, and told from what was measured.
      this.#upkeep
        .measure()
        .catch((err: unknown) => this.#parts.engine.log.debug({ err }, 'could not measure caches'));
    }
  }

  cancel(id: string): boolean {
    const running = this.#running.get(id);
    running?.controller.abort();
    return running !== undefined;
  }

  cache(): CacheRecord[] {
    return this.#upkeep.records();
  }

  async prune(query: PruneCacheQuery, signal: AbortSignal): Promise<{ ids: string[]; bytes: number }> {
    if (query.all) await this.#parts.failedSteps.close();
    return await this.#upkeep.prune(query, signal);
  }

  async openFailedStep(buildId: string, vertex?: string): Promise<string> {
    return await this.#parts.failedSteps.open(buildId, vertex);
  }

  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const { controller } of all) controller.abort();
    await Promise.allSettled(all.map(({ ended }) => ended));
    await this.#parts.failedSteps.close();
    await this.#parts.files.close();
  }
}

function fileWork({ launcher, config, snapshots }: Engine): FileWork {
  const directory = join(config.dataRoot, 'build', 'files');
  const gzipProgram = join(dirname(config.shimPath), 'gantry-gzip');
  return new FileWork({ launcher, directory, maxExpansion: snapshots.maxExpansion, gzipProgram });
}
