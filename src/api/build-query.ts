/** The parameters of `POST /build` as a build's request. */
import type { BuildOutput, BuildRequest, BuildResources, CacheReference } from '../build/build-types.ts';
import { EngineError } from '../errors/engine-error.ts';
import { canonicalReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { Query } from './query.ts';

/** All but where the files come from, what is secret, and who listens. */
export type QueriedBuild = Omit<BuildRequest, 'id' | 'context' | 'secrets' | 'onEvent' | 'namedContexts'>;

/** EngineErrors `invalid-argument` and, for what only Windows has, `not-implemented`. */
export function queriedBuild(query: Query): QueriedBuild {
  checkUnserved(query);
  const target = query.optional('target');
  const buildArgs = jsonMap(query, 'buildargs');
  const epoch = buildArgs.get('SOURCE_DATE_EPOCH');
  return {
    dockerfileName: query.optional('dockerfile') ?? 'Dockerfile',
    ...(target === undefined ? {} : { target }),
    buildArgs,
    labels: jsonMap(query, 'labels'),
    platforms: splitList(query.text('platform')),
    noCache: query.boolean('nocache'),
    pull: query.boolean('pull'),
    networkMode: query.optional('networkmode') ?? 'default',
    extraHosts: query.all('extrahosts').flatMap(splitList),
    resources: queriedResources(query),
    entitlements: new Set(),
    ...(epoch !== undefined && /^\d+$/.test(epoch) ? { sourceDateEpoch: Number(epoch) } : {}),
    outputs: [queriedOutput(query)],
    cacheFrom: jsonStrings(query, 'cachefrom').map(imageCache),
    cacheTo: [],
    checkOnly: false,
    squash: query.boolean('squash'),
    keepFailed: true,
  };
}

/** Names of `t`, complete. EngineError `invalid-argument` as Docker's. */
export function queriedNames(query: Query): string[] {
  const given = query.all('t').filter((name) => name !== '');
  return [...new Set(given.map((name) => canonicalReference(checkedName(name))))];
}

function checkedName(name: string): ReturnType<typeof parseReference> {
  const reference = parseReference(name);
  if (reference.digest !== undefined)
    throw new EngineError('invalid-argument', 'build tag cannot contain a digest');
  return withDefaultTag(reference);
}

function queriedOutput(query: Query): BuildOutput {
  return { kind: 'image', names: queriedNames(query), push: false, isInsecure: false, annotations: {} };
}

function imageCache(reference: string): CacheReference {
  return { type: 'registry', attributes: { ref: reference } };
}

function checkUnserved(query: Query): void {
  const version = query.optional('version') ?? '1';
  if (version !== '1')
    throw new EngineError(
      'invalid-argument',
      `version ${version} of the builder is not served by this route`,
      {
        hint: 'BuildKit is served over /grpc: use docker buildx build',
      },
    );
  if (!['', 'default'].includes(query.text('isolation').toLowerCase()))
    throw new EngineError('invalid-argument', `invalid isolation: ${query.text('isolation')}`, {
      hint: 'leave --isolation out: it is for Windows',
    });
  if (query.all('securityopt').some((option) => option !== ''))
    throw new EngineError(
      'invalid-argument',
      'The daemon on this platform does not support setting security options on build',
    );
  const outputs = jsonList(query, 'outputs');
  if (outputs.length > 0)
    throw new EngineError('invalid-argument', 'outputs are not supported by the classic builder', {
      hint: 'use docker buildx build -o or gantry build -o',
    });
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parsed(query: Query, name: string): unknown {
  const text = query.text(name);
  if (text === '') return undefined;
  try {
    return JSON.parse(text) ?? undefined;
  } catch (cause) {
    throw malformed(name, text, cause);
  }
}

function malformed(name: string, text: string, cause?: unknown): EngineError {
  return new EngineError('invalid-argument', `error reading ${name}: ${text.slice(0, 200)} is no such JSON`, {
    cause,
  });
}

function jsonList(query: Query, name: string): unknown[] {
  const value = parsed(query, name);
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw malformed(name, query.text(name));
  return value;
}

function jsonStrings(query: Query, name: string): string[] {
  return jsonList(query, name).map((one) => {
    if (typeof one !== 'string') throw malformed(name, query.text(name));
    return one;
  });
}

/** Values that are null are left out: an argument without a value, that the client's environment has none for either. */
function jsonMap(query: Query, name: string): Map<string, string> {
  const value = parsed(query, name);
  if (value === undefined) return new Map();
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(name, query.text(name));
  const entries = Object.entries(value).filter(([, text]) => text !== null);
  return new Map(
    entries.map(([key, text]): [string, string] => {
      if (typeof text !== 'string') throw malformed(name, query.text(name));
      return [key, text];
    }),
  );
}

function queriedResources(query: Query): BuildResources {
  const size = (name: string): number => query.integer(name) ?? 0;
  const memory = size('memory');
  if (memory > 0 && memory < 6 * 1024 * 1024)
    throw new EngineError('invalid-argument', 'Minimum memory limit allowed is 6MB');
  if (size('shmsize') < 0) throw new EngineError('invalid-argument', 'SHM size can not be less than 0');
  return {
    memory,
    memorySwap: size('memswap'),
    cpuShares: size('cpushares'),
    cpuPeriod: size('cpuperiod'),
    cpuQuota: size('cpuquota'),
    cpusetCpus: query.text('cpusetcpus'),
    cpusetMems: query.text('cpusetmems'),
    shmSize: size('shmsize'),
    ulimits: jsonList(query, 'ulimits').map((one) => ulimitOf(one, query)),
    cgroupParent: query.text('cgroupparent'),
  };
}

function ulimitOf(value: unknown, query: Query): BuildResources['ulimits'][number] {
  if (typeof value !== 'object' || value === null) throw malformed('ulimits', query.text('ulimits'));
  const name: unknown = Reflect.get(value, 'Name');
  const soft: unknown = Reflect.get(value, 'Soft');
  const hard: unknown = Reflect.get(value, 'Hard');
  if (typeof name !== 'string' || typeof soft !== 'number' || typeof hard !== 'number')
    throw malformed('ulimits', query.text('ulimits'));
  return { name, soft, hard };
}
