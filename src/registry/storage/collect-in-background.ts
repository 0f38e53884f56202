/** Collects a registry's garbage again and again. */
import type { Logger } from 'pino';
import { messageOf } from '../../errors/engine-error.ts';
import type { CollectOptions, RegistryStorage } from '../registry-types.ts';

export interface BackgroundCollection extends Pick<CollectOptions, 'grace' | 'uploadGrace' | 'untagged'> {
  /** Milliseconds between the end of one collection and the begin of the next. */
  interval: number;
  log: Pick<Logger, 'info' | 'error'>;
}

/** Of a timer of Node.js, in milliseconds. */
const longestDelay = 2 ** 31 - 1;

/** The first collection is one interval from now. One that fails is logged; the next one comes all the same. `stop` waits for one under way, which ends early. */
export function collectInBackground(
  storage: Pick<RegistryStorage, 'collect'>,
  { interval, log, ...options }: BackgroundCollection,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const once = async (): Promise<void> => {
    try {
      const report = await storage.collect({ ...options, dryRun: false, signal: stopping.signal });
      if (report.blobs + report.manifests + report.uploads > 0)
        log.info(report, 'registry: garbage collected');
    } catch (error) {
      log.error(`registry: garbage could not be collected: ${messageOf(error)}`);
    }
    if (!stopping.signal.aborted) timer = schedule();
  };
  const schedule = (): NodeJS.Timeout =>
    setTimeout(
      () => {
        running = once();
      },
      Math.min(interval, longestDelay),
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
