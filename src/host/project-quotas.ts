/** Project quotas: a limit for whatever is below a directory, kept by the file system itself (ext4, XFS). */
import { relative } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import { Mutex } from '../util/mutex.ts';
import { errnoName } from './launcher-codec.ts';
import type { Launcher, QuotaAnswer, QuotaStep } from './launcher-types.ts';

/** Bytes: the limit, and what is used of it. */
export interface QuotaUse {
  limit: number;
  used: number;
}

/** Gantry's own numbers: 16 million from here on. Administrators and other engines begin at 1. */
export const firstProject = 0x47000000;
const projects = 0x1000000;
/** Asked about at a time. */
const batch = 64;

/**
 * The limits of directories below one root. Which project a directory has, its limit and what it uses stand in the file system, so that they outlive the
 * daemon; nothing of it is recorded anywhere else. A number is given out that has not one file, whoever made it: what waits to be removed, or restored, keeps its own.
 */
export class ProjectQuotas {
  readonly #launcher: Pick<Launcher, 'quota'>;
  readonly #root: string;
  readonly #turn = new Mutex();
  /** What this daemon has given out is below it. */
  #next = 0;

  constructor(launcher: Pick<Launcher, 'quota'>, root: string) {
    this.#launcher = launcher;
    this.#root = root;
  }

  /** Was the file system made and mounted with project quotas, and does this kernel (5.14 or newer) have them? */
  async isEnforced(): Promise<boolean> {
    const { replies, failure } = await this.#launcher.quota(this.#root, [{ kind: 'state' }]);
    return failure === undefined && replies[0]?.isEnforced === true;
  }

  /**
   * Bounds what is below `directories` (absolute, all of one project, which is that of the first) to `bytes`. What is there already doesn't count: they are
   * to be empty at the first time. Done again, it sets the limit anew. EngineErrors `failed-precondition`, `internal`.
   */
  async limit(directories: readonly string[], bytes: number): Promise<void> {
    const paths = directories.map((directory) => relative(this.#root, directory));
    await this.#turn.run(async () => {
      const [found] = await this.#steps([{ kind: 'project', path: paths[0] ?? '' }]);
      const project = isOwn(found?.project ?? 0) ? (found?.project ?? 0) : await this.#unused();
      await this.#steps([
        /* In this order: nothing is ever of a project without a limit. */
        { kind: 'limit', project, bytes },
        ...paths.map((path): QuotaStep => ({ kind: 'set-project', path, project })),
      ]);
    });
  }

  /** For each of `directories` (absolute): undefined where it has no limit of ours, or isn't there. */
  async uses(directories: readonly string[]): Promise<Array<QuotaUse | undefined>> {
    const own = await this.#projectsOf(directories);
    const numbers = own.filter((project) => project !== 0);
    const answers = numbers.length === 0 ? [] : await this.#steps(numbers.map(usage));
    const byProject = new Map(numbers.map((project, index) => [project, answers[index]]));
    return own.map((project) => {
      const { limit, used } = byProject.get(project) ?? { limit: 0, used: 0 };
      return limit === 0 ? undefined : { limit, used };
    });
  }

  /** 0 for none of ours. A directory that isn't there ends a request, and the rest is asked for in another. */
  async #projectsOf(directories: readonly string[]): Promise<number[]> {
    const found: number[] = [];
    while (found.length < directories.length) {
      const steps = directories
        .slice(found.length)
        .map((directory): QuotaStep => ({ kind: 'project', path: relative(this.#root, directory) }));
      const { replies, failure } = await this.#launcher.quota(this.#root, steps);
      for (const { project } of replies) found.push(isOwn(project) ? project : 0);
      if (failure !== undefined) found.push(0);
    }
    return found;
  }

  async #unused(): Promise<number> {
    for (let asked = 0; asked < projects; asked += batch) {
      const numbers = Array.from({ length: batch }, (_, at) => firstProject + ((this.#next + at) % projects));
      const answers = await this.#steps(numbers.map(usage));
      const at = answers.findIndex(({ inodes, used }) => inodes === 0 && used === 0);
      this.#next = (this.#next + (at < 0 ? batch : at + 1)) % projects;
      const found = numbers[at];
      if (found !== undefined) return found;
    }
    throw new EngineError('resource-exhausted', 'no project number is free for a size limit', {
      hint: 'remove volumes and containers that have one',
    });
  }

  async #steps(steps: readonly QuotaStep[]): Promise<QuotaAnswer[]> {
    const { replies, failure } = await this.#launcher.quota(this.#root, steps);
    if (failure === undefined) return replies;
    throw new EngineError(
      'internal',
      `cannot set a project quota on the file system of ${this.#root}: ${steps[failure.index]?.kind ?? ''}: ${errnoName(failure.errno)}`,
      { hint: 'mount it with prjquota (ext4: made with -O quota,project), or leave the size out' },
    );
  }
}

function usage(project: number): QuotaStep {
  return { kind: 'usage', project };
}

function isOwn(project: number): boolean {
  return project >= firstProject && project < firstProject + projects;
}
