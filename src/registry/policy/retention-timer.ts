/** Applies retention rules again and again. */
import type { Logger } from 'pino';
import { messageOf } from '../../errors/engine-error.ts';
import {
  applyRetention,
  type RetentionOptions,
  type RetentionReport,
  type RetentionStorage,
} from './apply-retention.ts';
import type { RetentionRule } from './retention-plan.ts';

export interface RetentionTimerOptions extends Pick<RetentionOptions, 'dryRun' | 'isProtected'> {
  /** Milliseconds between the end of one run and the next. */
  interval: number;
  log: Pick<Logger, 'info' | 'error'>;
  /** After each run that came to its end. */
  onReport?: (report: RetentionReport) => void;
}

export interface RetentionTimer {
  /** Waits for a run under way, which ends early. */
  stop(): Promise<void>;
}

/** Of a timer of Node.js, in milliseconds. */
const longestDelay = 2 ** 31 - 1;

/** The first run is one interval from now. A run that fails is logged; the next one comes all the same. */
export function startRetention(
  storage: RetentionStorage,
  rules: readonly RetentionRule[],
  options: RetentionTimerOptions,
): RetentionTimer {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const { dryRun, isProtected, log } = options;
  const once = async (): Promise<void> => {
    try {
      const settings = {
        dryRun,
        signal: stopping.signal,
        ...(isProtected === undefined ? {} : { isProtected }),
      };
      const report = await applyRetention(storage, rules, settings);
      options.onReport?.(report);
      const { repositories, tags, manifests } = report;
      const counts = { dryRun, repositories, tags: tags.length, manifests: manifests.length };
      log.info(counts, 'retention rules were applied');
    } catch (error) {
      log.error({ err: messageOf(error) }, 'retention rules could not be applied');
    }
    if (!stopping.signal.aborted) timer = schedule();
  };
  const schedule = (): NodeJS.Timeout =>
    setTimeout(
      () => {
        running = once();
      },
      Math.min(options.interval, longestDelay),
    ).unref();
  let timer = schedule();
  return {
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
