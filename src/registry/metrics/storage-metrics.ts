/** Times what the storage does, under distribution's name. */
import { Histogram, type Registry } from 'prom-client';
import type { RegistryStorage } from '../registry-types.ts';

/** The same storage, with each call timed. `driver` is a label, e.g. `filesystem`. */
export function timedStorage(registry: Registry, storage: RegistryStorage, driver: string): RegistryStorage {
  const seconds = new Histogram({
    registers: [registry],
    name: 'registry_storage_action_seconds',
    help: 'Time that calls of the storage take.',
    labelNames: ['driver', 'action'],
    buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
  });
  const wrapped = new Map<string | symbol, unknown>();
  return new Proxy(storage, {
    get: (target, key) => {
      const known = wrapped.get(key);
      if (known !== undefined) return known;
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== 'function') return member;
      const timed = (...args: unknown[]): unknown => {
        const started = performance.now();
        const result: unknown = Reflect.apply(member, target, args);
        if (!(result instanceof Promise)) return result;
        const done = (): void =>
          seconds.observe({ driver, action: String(key) }, (performance.now() - started) / 1000);
        result.then(done, done);
        return result;
      };
      wrapped.set(key, timed);
      return timed;
    },
  });
}
