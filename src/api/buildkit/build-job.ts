/** One build that a client leads: what it asked for, how far it is, and what came of it. */
import { createHash, randomUUID } from 'node:crypto';
import type { BuildResult } from '../../build/build-types.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { Deferred } from '../../util/deferred.ts';
import type { SolveRequest } from '../../wire/buildkit/control-messages.ts';
import type { FrontendSolveRequest } from '../../wire/buildkit/gateway-messages.ts';
import { BuildLog } from './build-log.ts';

/** How long calls about a build wait for its `Solve`, which may come after them. */
const arrivalMs = 5000;

/** How long builds are remembered that have ended. */
const lingerMs = 10_000;

export class BuildJob {
  readonly ref: string;
  readonly solve: SolveRequest;
  readonly signal: AbortSignal;
  readonly log = new BuildLog();
  /** What the client has chosen as the result: the frontend's work that is to be done, or undefined for none. */
  readonly chosen = new Deferred<FrontendSolveRequest | undefined>();
  readonly result = new Deferred<BuildResult>();
  hasEnded = false;
  /** The frontend's works that the client asked for, by the references that it got. */
  readonly #works = new Map<string, FrontendSolveRequest>();

  constructor(solve: SolveRequest, signal: AbortSignal) {
    this.ref = solve.ref;
    this.solve = solve;
    this.signal = signal;
  }

  /** A reference for what is built only when it is chosen as the result, or another build needs it. */
  add(work: FrontendSolveRequest): string {
    const ref = `${this.ref}-${randomUUID()}`;
    this.#works.set(ref, work);
    return ref;
  }

  work(ref: string): FrontendSolveRequest | undefined {
    return this.#works.get(ref);
  }
}

export class BuildJobs {
  readonly #jobs = new Map<string, BuildJob>();
  readonly #waiting = new Set<() => void>();

  /** EngineError `conflict` where there is one of this reference. */
  add(job: BuildJob): void {
    if (this.#jobs.get(job.ref)?.hasEnded === false)
      throw new EngineError('conflict', `build ${job.ref} runs already`);
    this.#jobs.set(job.ref, job);
    for (const wake of this.#waiting) wake();
  }

  /** A little later: a build of nothing has ended before its client asks for its progress. */
  removeSoon(job: BuildJob): void {
    job.hasEnded = true;
    setTimeout(() => {
      if (this.#jobs.get(job.ref) === job) this.#jobs.delete(job.ref);
    }, lingerMs).unref();
  }

  /** EngineError `not-found` where none of this reference comes. */
  async get(ref: string, signal: AbortSignal): Promise<BuildJob> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(arrivalMs)]);
    for (;;) {
      const job = this.#jobs.get(ref);
      if (job !== undefined) return job;
      if (deadline.aborted) throw new EngineError('not-found', `no such job ${ref}`);
      await this.#change(deadline);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** The job that gave a reference. */
  owner(ref: string): BuildJob | undefined {
    return [...this.#jobs.values()].find((job) => job.work(ref) !== undefined);
  }
}

/** How a reference looks within a graph that a client makes of it, for another build to use as its input. */
export const buildScheme = 'gantry-build://';

/** `sha256:…` */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
