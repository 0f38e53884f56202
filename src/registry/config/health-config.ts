/** `health`: what must be well for the registry to serve. */
import type { ConfigurationFile } from './keys.ts';
import type { HealthCheck } from './registry-config.ts';

/** A check is made at least every ten seconds, and one failure counts, unless told. */
export function toHealth({
  storagedriver,
  file = [],
  http = [],
  tcp = [],
}: NonNullable<ConfigurationFile['health']>): HealthCheck[] {
  const common = { timeout: 5000, status: 200, headers: {}, target: '' };
  const often = (one: {
    interval?: number;
    threshold?: number;
  }): Pick<HealthCheck, 'interval' | 'threshold'> => ({
    interval: Math.max(one.interval || 10_000, 100),
    threshold: Math.max(one.threshold ?? 1, 1),
  });
  const storage: HealthCheck[] =
    storagedriver?.enabled === true ? [{ ...common, kind: 'storage', ...often(storagedriver) }] : [];
  return [
    ...storage,
    ...file.map((one): HealthCheck => ({ ...common, kind: 'file', target: one.file ?? '', ...often(one) })),
    ...http.map(
      (one): HealthCheck => ({
        ...common,
        kind: 'http',
        target: one.uri ?? '',
        timeout: one.timeout || common.timeout,
        status: one.statuscode ?? 200,
        headers: one.headers ?? {},
        ...often(one),
      }),
    ),
    ...tcp.map(
      (one): HealthCheck => ({
        ...common,
        kind: 'tcp',
        target: one.addr ?? '',
        timeout: one.timeout || common.timeout,
        ...often(one),
      }),
    ),
  ];
}
