/** The running registry: its parts, opened one after the other and closed in the opposite order. */
import type { Logger } from 'pino';
import type { RegistryConfig } from '../registry/config/registry-config.ts';
import { createMetrics, type Metrics } from '../registry/metrics/metrics.ts';
import { createWebhooks } from '../registry/notifications/webhooks.ts';
import { debugHandler } from '../registry/program/debug-handler.ts';
import { frontHandler } from '../registry/program/front.ts';
import { type Health, startHealth } from '../registry/program/health.ts';
import { type Listener, openListener } from '../registry/program/listener.ts';
import { createUpstreamCache, type PurgingUpstreamCache } from '../registry/proxy/upstream-cache.ts';
import type { AnsweredRequest } from '../registry/registry-types.ts';
import { RegistryFace } from './registry-face.ts';
import { type OpenedStorage, openStorage } from './registry-storage.ts';
import { startUpkeep } from './registry-upkeep.ts';

export interface RunningRegistry {
  /** `[::]:5000`, or a path. */
  address: string;
  /** Where it keeps things, for the log. */
  storage: string;
  /** Takes from `config` what can be changed while it serves. Rejects, and keeps what it has, where a file in it cannot be used. */
  reload(config: RegistryConfig): Promise<void>;
  close(): Promise<void>;
}

interface Surroundings {
  log: Logger;
  /** A line for each answer. */
  onAnswer: ((answer: AnsweredRequest) => void) | undefined;
}

/** What is to be done at the end, the last first. */
class Ending {
  readonly #steps: Array<() => Promise<void> | void> = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

/** Rejects with EngineError, having closed what was opened. */
export async function startRegistry(config: RegistryConfig, around: Surroundings): Promise<RunningRegistry> {
  const ending = new Ending();
  try {
    return await open(config, around, ending);
  } catch (error) {
    await ending.run();
    throw error;
  }
}

async function open(
  config: RegistryConfig,
  { log, onAnswer }: Surroundings,
  ending: Ending,
): Promise<RunningRegistry> {
  const opened = await openStorage(config, log);
  ending.add(() => opened.close());
  const webhooks = createWebhooks(webhookConfig(config), log);
  ending.add(() => webhooks.close());
  const upstreams = openUpstreams(config, opened, log);
  ending.add(() => upstreams?.close());
  const totals = opened.storage.totals?.bind(opened.storage);
  const metrics = createMetrics({
    notifications: () => webhooks.stats(),
    ...(totals === undefined ? {} : { totals }),
    ...(upstreams === undefined ? {} : { proxy: () => upstreams.counts() }),
  });
  const storage = metrics.timed(opened.storage, config.storage.kind);
  const face = await RegistryFace.open(config, {
    storage,
    webhooks,
    metrics,
    upstreams,
    log,
    onAnswer,
  });
  ending.add(() => face.close());
  const upkeep = await startUpkeep(config, { storage, directory: opened.directory, metrics, log });
  ending.add(() => upkeep.close());
  const health = startHealth(config.health, async () => void (await storage.repositories({ limit: 1 })));
  ending.add(() => health.close());
  const debug = await openDebug(config, metrics, health, log);
  ending.add(() => debug?.close(0));
  const listener = await openListener({
    listen: config.http.listen,
    handle: frontHandler(() => ({ ...face.parts, problems: () => health.problems() })),
    log,
    ...(config.http.tls === undefined ? {} : { tls: config.http.tls }),
  });
  metrics.observe(listener.server);
  let drainTimeout = config.http.drainTimeout;
  ending.add(() => listener.close(drainTimeout));
  return {
    address: listener.address,
    storage: opened.place,
    reload: async (next) => {
      await face.apply(next);
      if (next.http.tls !== undefined) await listener.tls?.reload(next.http.tls);
      drainTimeout = next.http.drainTimeout;
    },
    close: () => ending.run(),
  };
}

function webhookConfig({ http, notifications }: RegistryConfig): Parameters<typeof createWebhooks>[0] {
  const { listen } = http;
  return {
    ...notifications,
    scheme: http.tls === undefined ? 'http' : 'https',
    ...(http.host === '' ? {} : { url: http.host }),
    address: 'path' in listen ? listen.path : `${listen.host ?? ''}:${listen.port}`,
  };
}

function openUpstreams(
  { proxies }: RegistryConfig,
  { storage, directory }: OpenedStorage,
  log: Logger,
): PurgingUpstreamCache | undefined {
  if (proxies.length === 0) return undefined;
  return createUpstreamCache({
    storage,
    upstreams: proxies,
    warn: (message) => log.warn(message),
    // Where there is room for blobs.
    ...(directory === undefined ? {} : { spoolDirectory: directory }),
  });
}

async function openDebug(
  { http }: RegistryConfig,
  metrics: Metrics,
  health: Health,
  log: Logger,
): Promise<Listener | undefined> {
  if (http.debug === undefined) return undefined;
  const { listen, metricsPath } = http.debug;
  const handle = debugHandler({
    problems: () => health.problems(),
    ...(metricsPath === undefined
      ? {}
      : { metrics: { path: metricsPath, contentType: metrics.contentType, text: () => metrics.text() } }),
  });
  const listener = await openListener({ listen, handle, log });
  log.info(`debug server listening ${listener.address}`);
  return listener;
}
