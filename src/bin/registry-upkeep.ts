/** What a registry does by itself, again and again: collecting what nothing needs, and what retention rules say may go. */
import type { Logger } from 'pino';
import { messageOf } from '../errors/engine-error.ts';
import type { RegistryConfig } from '../registry/config/registry-config.ts';
import type { Metrics } from '../registry/metrics/metrics.ts';
import { immutableTest } from '../registry/policy/immutable-tags.ts';
import { startRetention } from '../registry/policy/retention-timer.ts';
import { openAdminSocket } from '../registry/program/admin-socket.ts';
import type { CollectReport, RegistryStorage } from '../registry/registry-types.ts';

export interface UpkeepSurroundings {
  storage: RegistryStorage;
  /** Where `garbage-collect` finds this registry; undefined for a bucket. */
  directory: string | undefined;
  metrics: Metrics;
  log: Logger;
}

interface Collecting {
  untagged: boolean;
  dryRun: boolean;
  signal?: AbortSignal;
}

export async function startUpkeep(
  config: RegistryConfig,
  around: UpkeepSurroundings,
): Promise<{ close(): Promise<void> }> {
  const { storage, directory, metrics, log } = around;
  const collect = (options: Collecting): Promise<CollectReport> => collectOnce(config, around, options);
  const admin = directory === undefined ? undefined : await openAdminSocket(directory, collect);
  const collector = config.collect.enabled ? collectAgain(config, collect, log) : undefined;
  const { interval, dryRun, rules } = config.retention;
  const retention =
    rules.length === 0
      ? undefined
      : startRetention(storage, rules, {
          interval,
          dryRun,
          isProtected: immutableTest(config.policy.immutable),
          log,
          onReport: metrics.onRetention,
        });
  return {
    close: async () => {
      await admin?.close();
      await collector?.close();
      await retention?.stop();
    },
  };
}

async function collectOnce(
  { collect: { grace, uploadGrace } }: RegistryConfig,
  { storage, metrics, log }: UpkeepSurroundings,
  options: Collecting,
): Promise<CollectReport> {
  const started = performance.now();
  const report = await storage.collect({ ...options, grace, uploadGrace });
  const milliseconds = performance.now() - started;
  if (!options.dryRun) metrics.onCollect(report, milliseconds);
  const facts = { ...report, dryRun: options.dryRun, ms: Math.round(milliseconds) };
  if (report.blobs + report.manifests + report.uploads > 0) log.info(facts, 'garbage collected');
  else log.debug(facts, 'nothing to collect');
  return report;
}

/** One collection after the other, `interval` apart; one that fails is logged, and the next one comes all the same. */
function collectAgain(
  { collect: { interval, untagged } }: RegistryConfig,
  collect: (options: Collecting) => Promise<CollectReport>,
  log: Logger,
): { close(): Promise<void> } {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const once = async (): Promise<void> => {
    try {
      await collect({ untagged, dryRun: false, signal: stopping.signal });
    } catch (error) {
      if (!stopping.signal.aborted) log.error(`garbage could not be collected: ${messageOf(error)}`);
    }
    if (!stopping.signal.aborted) timer = schedule();
  };
  const schedule = (): NodeJS.Timeout =>
    setTimeout(() => {
      running = once();
    }, interval).unref();
  let timer = schedule();
  return {
    close: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
