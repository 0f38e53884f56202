/** The networks that are always there and have no driver worth the name: `host` and `none`. */
import { createHash } from 'node:crypto';

const builtinNames: ReadonlySet<string> = new Set(['bridge', 'host', 'none', 'default']);

/** Names that no network of a user's can have. */
export function isBuiltinName(name: string): boolean {
  return builtinNames.has(name);
}

/** 64 hex digits, the same for the life of the data root. */
export function builtinNetworkId(engineId: string, name: string): string {
  return createHash('sha256').update(`${engineId} network ${name}`).digest('hex');
}
