/** Reads a volume's document as the database holds it. */
import { EngineError } from '../errors/engine-error.ts';
import type { Volume } from './volume-types.ts';

/** EngineError `data-loss` for anything that is no volume. */
export function parseVolume(value: unknown): Volume {
  if (!isVolume(value)) {
    throw new EngineError('data-loss', `the database holds a bad volume: ${JSON.stringify(value)}`);
  }
  return value;
}

function isVolume(value: unknown): value is Volume {
  if (typeof value !== 'object' || value === null) return false;
  const { name, driver, mountpoint, createdAt, labels, options, boundTo, isProtected, renamedTo } =
    value as Partial<Volume>;
  return (
    typeof name === 'string' &&
    driver === 'local' &&
    typeof mountpoint === 'string' &&
    typeof createdAt === 'number' &&
    isStringMap(labels) &&
    isStringMap(options) &&
    (boundTo === undefined || typeof boundTo === 'string') &&
    (isProtected === undefined || typeof isProtected === 'boolean') &&
    (renamedTo === undefined || typeof renamedTo === 'string')
  );
}

function isStringMap(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'string')
  );
}
