/** When a container that ended is started again, and after which delay. */
import type { HostConfig } from './model.ts';

const firstDelayMs = 100;
const longestDelayMs = 60_000;
/** A run at least this long was a healthy one: the delay begins anew. */
const healthyRunMs = 10_000;

export type RestartPolicy = HostConfig['restartPolicy'];

export interface EndedRun {
  exitCode: number;
  /** Restarts since the user's own start. */
  restartCount: number;
  stoppedByUser: boolean;
}

/** Does the policy ask for another run? `always` asks even for a container that its user stopped: the daemon's start obeys that. */
export function wantsRestart(policy: RestartPolicy, run: EndedRun): boolean {
  switch (policy.name) {
    case '':
    case 'no':
      return false;
    case 'always':
      return true;
    case 'unless-stopped':
      return !run.stoppedByUser;
    case 'on-failure': {
      const max = policy.maximumRetryCount;
      return run.exitCode !== 0 && !run.stoppedByUser && (max === 0 || run.restartCount < max);
    }
  }
}

/** The delay before the next run: 100 ms, doubled each time to at most a minute, from the start again after a healthy run. */
export function nextDelayMs(previousMs: number, ranMs: number): number {
  if (previousMs === 0 || ranMs >= healthyRunMs) return firstDelayMs;
  return Math.min(previousMs * 2, longestDelayMs);
}
