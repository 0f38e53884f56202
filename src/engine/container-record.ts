/** Reads a container's document as the database holds it. */
import { EngineError } from '../errors/engine-error.ts';
import type { ContainerRecord } from './model.ts';

/** EngineError `data-loss` for anything that is no container. */
export function parseContainerRecord(value: unknown): ContainerRecord {
  if (isContainerRecord(value)) return value;
  throw new EngineError(
    'data-loss',
    `the database holds a bad container: ${JSON.stringify(value).slice(0, 200)}`,
  );
}

/** What only this engine writes is checked for its shape, not field by field. */
function isContainerRecord(value: unknown): value is ContainerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const texts = ['id', 'name', 'imageId', 'path', 'platform'];
  const objects = ['config', 'hostConfig', 'endpointConfigs', 'state'];
  return (
    texts.every((name) => typeof fields.get(name) === 'string') &&
    objects.every((name) => typeof fields.get(name) === 'object' && fields.get(name) !== null) &&
    Array.isArray(fields.get('mounts')) &&
    Array.isArray(fields.get('args'))
  );
}
