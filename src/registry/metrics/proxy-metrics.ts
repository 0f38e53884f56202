/** Metrics of the pull-through cache, named as distribution names them. */
import { Counter, type Registry } from 'prom-client';

export interface ProxyCount {
  /** Requests for what an upstream serves. */
  requests: number;
  /** Answered from what is here. */
  hits: number;
  misses: number;
  /** Bytes from upstreams. */
  pulledBytes: number;
  /** Bytes to clients. */
  pushedBytes: number;
}

export type ProxyCounts = Record<'blob' | 'manifest', ProxyCount>;

const counters: ReadonlyArray<[keyof ProxyCount, name: string, help: string]> = [
  ['requests', 'requests', 'Requests for what an upstream serves.'],
  ['hits', 'hits', 'Those that were answered from the cache.'],
  ['misses', 'misses', 'Those that went upstream.'],
  ['pulledBytes', 'pulled_bytes', 'Bytes that came from upstreams.'],
  ['pushedBytes', 'pushed_bytes', 'Bytes that went to clients.'],
];

export function registerProxyMetrics(registry: Registry, counts: () => ProxyCounts): void {
  for (const [key, name, help] of counters) {
    new Counter({
      registers: [registry],
      name: `registry_proxy_${name}_total`,
      help,
      labelNames: ['type'],
      collect() {
        this.reset();
        for (const [type, count] of Object.entries(counts())) this.inc({ type }, count[key]);
      },
    });
  }
}
