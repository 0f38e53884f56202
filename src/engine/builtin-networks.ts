/** The networks that are always there and have no driver worth the name: `host` and `none`. */
import { createHash } from 'node:crypto';

/** 64 hex digits, the same for the life of the data root. */
export function builtinNetworkId(engineId: string, name: string): string {
  return createHash('sha256').update(`${engineId} network ${name}`).digest('hex');
}
