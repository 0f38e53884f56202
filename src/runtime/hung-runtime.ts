/** OCI runtimes that do not end: how long one may take, what it waits for, and how it is ended. */
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../errors/engine-error.ts';
import { killQuietly } from './leftovers.ts';
import type { RuntimeProgram } from './runtime-types.ts';

/** For the runtime's `delete` after its `run` was ended; longer, and that hangs too. */
const deletePatienceMs = 10_000;

export interface StartLimit {
  shimPid: number;
  /** Milliseconds; 0 for ever. */
  limitMs: number;
  /** Gives up the start. */
  signal: AbortSignal | undefined;
}

/** Why a start was ended, and what its runtime was at then. */
export interface EndedStart {
  why: 'late' | 'aborted';
  doing: string;
}

/**
 * Waits for the shim's answer to a start. Past the limit, or where the signal aborts, the runtime and all that it started are ended, and the shim
 * where even then it does not answer: the answer is undefined or tells of a failure then, and `onEnd` is told why before.
 */
export async function answerWithin<T>(
  answer: Promise<T>,
  { shimPid, limitMs, signal }: StartLimit,
  onEnd: (ended: EndedStart) => void,
): Promise<T> {
  const over = Promise.withResolvers<EndedStart['why']>();
  const timer = limitMs > 0 ? setTimeout(() => over.resolve('late'), limitMs) : undefined;
  const abort = (): void => over.resolve('aborted');
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  try {
    const why = await Promise.race([answer.then(() => undefined), over.promise]);
    if (why !== undefined) {
      onEnd({ why, doing: await whatItDoes(shimPid) });
      await endRuntime(shimPid, answer);
    }
    return await answer;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Ends what a shim has started so far, which in its turn starts the runtime's `delete`; then that; then the shim itself. */
export async function endRuntime(shimPid: number, until: Promise<unknown>): Promise<void> {
  const done = until.then(
    () => true,
    () => true,
  );
  for (let attempt = 0; attempt < 2; attempt++) {
    for (const pid of await descendants(shimPid)) killQuietly(pid);
    if (await Promise.race([done, sleep(deletePatienceMs, false, { ref: false })])) return;
  }
  killQuietly(shimPid);
}

/** All processes below this one; children before their own. */
async function descendants(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const children = lists.join(' ').split(' ').filter(Boolean).map(Number);
  const below = await Promise.all(children.map(descendants));
  return [...children, ...below.flat()];
}

/** `crun (pid 7) in state D at fuse_wait, sleep (pid 9) in state S`. */
async function whatItDoes(shimPid: number): Promise<string> {
  const pids = await descendants(shimPid);
  const all = await Promise.all(pids.slice(0, 4).map(describe));
  return all.filter((text) => text !== '').join(', ');
}

async function describe(pid: number): Promise<string> {
  const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  const [stat, place] = await Promise.all([read('stat'), read('wchan')]);
  const [, name, state] = /^\d+ \((.*)\) (\S)/s.exec(stat) ?? [];
  if (name === undefined) return '';
  const where = place === '' || place === '0' ? '' : ` at ${place}`;
  return `${name} (pid ${pid}) in state ${state ?? '?'}${where}`;
}

/** The error of a start that was ended, in the frame that Docker gives to a runtime's failures. */
export function endedStartError(
  { why, doing }: EndedStart,
  runtime: RuntimeProgram,
  options: { prefix: string; limitMs: number; says: string },
): EngineError {
  const name = basename(runtime.path);
  if (why === 'aborted') return new EngineError('cancelled', `${options.prefix}the start was given up`);
  const said = options.says === '' ? '' : `; its last words: ${options.says}`;
  const at = doing === '' ? '' : ` (${doing})`;
  return new EngineError(
    'internal',
    `${options.prefix}${name} did not start the process within ${options.limitMs / 1000} s${at} and was ended${said}`,
    {
      hint: `find out what ${runtime.path} waits for, name another runtime with --runtime, or let it take longer with gantryd --runtime-timeout`,
      details: { runtime: runtime.path },
    },
  );
}
