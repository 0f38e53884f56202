/** Reads a network's durable record back. */
import { EngineError } from '../errors/engine-error.ts';
import type { NetworkDescription } from './network-types.ts';

/** The parser of the `networks` collection. EngineError `data-loss` for a document that is no network. */
export function parseNetwork(value: unknown): NetworkDescription {
  if (isNetwork(value)) return value;
  throw new EngineError(
    'data-loss',
    `the database holds a bad network: ${JSON.stringify(value).slice(0, 200)}`,
  );
}

/** What only this daemon writes is checked for its shape, not field by field. */
function isNetwork(value: unknown): value is NetworkDescription {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return (
    ['id', 'name', 'driver'].every((name) => typeof fields.get(name) === 'string') &&
    ['internal', 'attachable', 'enableIpv6', 'hasUserSubnet'].every(
      (name) => typeof fields.get(name) === 'boolean',
    ) &&
    typeof fields.get('createdAt') === 'number' &&
    ['options', 'labels'].every((name) => isObject(fields.get(name))) &&
    hasPools(fields.get('ipam'), fields.get('configOnly') === true)
  );
}

function hasPools(ipam: unknown, mayBeNone: boolean): boolean {
  if (!isObject(ipam)) return false;
  const pools: unknown = Reflect.get(ipam, 'pools');
  return (
    Array.isArray(pools) &&
    (mayBeNone || pools.length > 0) &&
    pools.every((pool: unknown) => isObject(pool) && typeof Reflect.get(pool, 'subnet') === 'string')
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
