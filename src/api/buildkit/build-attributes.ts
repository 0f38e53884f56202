/** A frontend's attributes, which are all strings, as parts of a build's request (buildkit, frontend/dockerui/config.go). */
import type { BuildResources, CacheReference } from '../../build/build-types.ts';
import { EngineError } from '../../errors/engine-error.ts';

export type Attributes = ReadonlyMap<string, string>;

/** What begins with `prefix`, without it. */
export function prefixed(attributes: Attributes, prefix: string): Map<string, string> {
  const found = [...attributes].filter(([key]) => key.startsWith(prefix));
  return new Map(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

export function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((part) => part !== '');
}

/** As Go's ParseBool; false where there is nothing. EngineError `invalid-argument` otherwise. */
export function flagOf(text: string | undefined, name: string): boolean {
  if (text === undefined || text === '') return false;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw new EngineError('invalid-argument', `non-bool value specified for ${name}: ${text}`);
}

export function integerOf(attributes: Attributes, name: string): number {
  const text = attributes.get(name);
  if (text === undefined || text === '') return 0;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new EngineError('invalid-argument', `invalid ${name}: ${text}`);
  return value;
}

export function resourcesOf(attributes: Attributes): BuildResources {
  return {
    memory: 0,
    memorySwap: 0,
    cpuShares: 0,
    cpuPeriod: 0,
    cpuQuota: 0,
    cpusetCpus: '',
    cpusetMems: '',
    shmSize: integerOf(attributes, 'shm-size'),
    ulimits: listOf(attributes.get('ulimit')).map(ulimitOf),
    cgroupParent: attributes.get('cgroup-parent') ?? '',
  };
}

/** `nofile=1024:2048`, or one number for both. */
function ulimitOf(text: string): BuildResources['ulimits'][number] {
  const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === '') throw new EngineError('invalid-argument', `invalid ulimit: ${text}`);
  return { name, soft: Number(soft), hard: Number(hard) };
}

/** `host=address,…`, as the request has them: `host:address`. */
export function extraHostsOf(text: string | undefined): string[] {
  return listOf(text).map((part) => part.replace('=', ':'));
}

/** A target's own modes of pulling: `pull` asks the registry each time. */
export function isPullForced(attributes: Attributes): boolean {
  return ['pull', 'force-pull'].includes(attributes.get('image-resolve-mode') ?? '');
}

/** No stages, all of them, or some by name. */
export function noCacheOf(attributes: Attributes): boolean | readonly string[] {
  const text = attributes.get('no-cache');
  if (text === undefined) return false;
  return text === '' ? true : listOf(text);
}

/** Seconds since 1970, of the build argument of this name. */
export function sourceDateEpochOf(attributes: Attributes): number | undefined {
  const text = attributes.get('build-arg:SOURCE_DATE_EPOCH');
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

const networkModes = ['default', 'host', 'none', 'sandbox'];

export function networkModeOf(attributes: Attributes): string {
  const mode = attributes.get('force-network-mode') ?? 'default';
  if (!networkModes.includes(mode))
    throw new EngineError('invalid-argument', `invalid network mode: ${mode}`);
  return mode === 'sandbox' ? 'default' : mode;
}

export interface CacheEntry {
  type: string;
  attrs: ReadonlyMap<string, string>;
}

/** `cache-imports` is a JSON list; `cache-from` the old form, a list of references. */
export function cacheImportsOf(attributes: Attributes): CacheEntry[] {
  const text = attributes.get('cache-imports');
  if (text === undefined) {
    return listOf(attributes.get('cache-from')).map((ref) => ({
      type: 'registry',
      attrs: new Map([['ref', ref]]),
    }));
  }
  try {
    const list: unknown = JSON.parse(text);
    return (Array.isArray(list) ? list : []).map(
      (one: { Type?: unknown; Attrs?: Record<string, unknown> }) => ({
        type: String(one.Type ?? ''),
        attrs: new Map(Object.entries(one.Attrs ?? {}).map(([key, value]) => [key, String(value)])),
      }),
    );
  } catch (cause) {
    throw new EngineError('invalid-argument', `failed to unmarshal cache-imports: ${text}`, { cause });
  }
}

/** Where other caches than these are asked for: EngineError `not-implemented`. */
export function cacheTypeOf(type: string): CacheReference['type'] {
  if (type === 'registry' || type === 'inline' || type === 'local') return type;
  throw new EngineError('not-implemented', `unknown cache exporter or importer: ${JSON.stringify(type)}`, {
    hint: 'use registry, inline or local',
  });
}
