/** What a registry does by itself, again and again: collecting what nothing needs, and what retention rules say may go. */
import type { Logger } from 'pino';
import type { RegistryConfig } from '../registry/config/registry-config.ts';
import type { Metrics } from '../registry/metrics/metrics.ts';
import { immutableTest } from '../registry/policy/immutable-tags.ts';
import { startRetention } from '../registry/policy/retention-timer.ts';
import { openAdminSocket } from '../registry/program/admin-socket.ts';
import type { CollectOptions, CollectReport, RegistryStorage } from '../registry/registry-types.ts';
import { collectInBackground } from '../registry/storage/collect-in-background.ts';

export interface UpkeepSurroundings {
  storage: RegistryStorage;
  /** Where `garbage-collect` finds this registry; undefined for a bucket. */
  directory: string | undefined;
  metrics: Metrics;
  log: Logger;
}

export async function startUpkeep(
  config: RegistryConfig,
  around: UpkeepSurroundings,
): Promise<{ close(): Promise<void> }> {
  const { storage, directory, metrics, log } = around;
  const counted = { collect: (options: CollectOptions) => collectOnce(options, around) };
  const { enabled, ...collection } = config.collect;
  const admin =
    directory === undefined
      ? undefined
      : await openAdminSocket(directory, async (command) => {
          const report = await counted.collect({ ...collection, ...command });
          log.info({ ...report, ...command }, 'garbage collected on command');
          return report;
        });
  const collector = enabled ? collectInBackground(counted, { ...collection, log }) : undefined;
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
      await collector?.stop();
      await retention?.stop();
    },
  };
}

async function collectOnce(
  options: CollectOptions,
  { storage, metrics }: UpkeepSurroundings,
): Promise<CollectReport> {
  const started = performance.now();
  const report = await storage.collect(options);
  if (!options.dryRun) metrics.onCollect(report, performance.now() - started);
  return report;
}
