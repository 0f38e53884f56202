/** All metrics of a registry, in Prometheus' text form. */
import type { Server } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { EndpointStats } from '../notifications/webhook-queue.ts';
import type { AnsweredRequest, RegistryListener, RegistryStorage, StoredTotals } from '../registry-types.ts';
import { type ContentMetrics, createContentMetrics, registerTotals } from './content-metrics.ts';
import { createHttpMetrics } from './http-metrics.ts';
import { type ProxyCounts, registerProxyMetrics } from './proxy-metrics.ts';
import { timedStorage } from './storage-metrics.ts';
import { registerWebhookMetrics } from './webhook-metrics.ts';

export interface MetricsOptions {
  /** What is stored, asked at each scrape. */
  totals?: () => Promise<StoredTotals>;
  /** Of the webhooks. */
  notifications?: () => readonly EndpointStats[];
  /** Of the pull-through cache. */
  proxy?: () => ProxyCounts;
  /** Repositories with a label of their own; 500 unless told. Further ones share the label `(other)`. */
  repositoryLimit?: number;
}

export interface Metrics extends Pick<ContentMetrics, 'onCollect' | 'onRetention'> {
  /** For `RegistryParts.listeners`. */
  listener: RegistryListener;
  /** For `RegistryParts.onAnswer`. */
  onAnswer(answer: AnsweredRequest): void;
  /** Counts requests under way in the server. */
  observe(server: Pick<Server, 'on'>): void;
  /** The same storage with each call timed; call it once. */
  timed(storage: RegistryStorage, driver: string): RegistryStorage;
  /** For `Content-Type` of an answer with `text`. */
  contentType: string;
  /** The answer to a scrape. */
  text(): Promise<string>;
}

/** Distribution's names where it has them (`registry_…`), `gantry_registry_…` for the rest, and those of the Node.js process. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const http = createHttpMetrics(registry);
  const content = createContentMetrics(registry, options.repositoryLimit);
  if (options.totals !== undefined) registerTotals(registry, options.totals);
  if (options.notifications !== undefined) registerWebhookMetrics(registry, options.notifications);
  if (options.proxy !== undefined) registerProxyMetrics(registry, options.proxy);
  return {
    ...content,
    ...http,
    timed: (storage, driver) => timedStorage(registry, storage, driver),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
