/** Reads what `gantry build` asks for. */

import { EngineError } from '../errors/engine-error.ts';
import type { WireBuild, WireCache, WireContext, WireOutput, WireResources } from '../wire/build-session.ts';
import { Fields } from './fields.ts';

/** EngineError `invalid-argument` for anything else than a `WireBuild`. */
export function decodeBuild(value: unknown): WireBuild {
  const fields = Fields.of(value);
  const epoch = fields.optionalInteger('sourceDateEpoch');
  return {
    open: 'build',
    id: nonEmpty(fields, 'id'),
    dockerfile: nonEmpty(fields, 'dockerfile'),
    contexts: Object.fromEntries(fields.objectMap('contexts').map(([name, one]) => [name, contextOf(one)])),
    hasDockerfile: fields.boolean('hasDockerfile'),
    target: fields.string('target'),
    buildArgs: fields.stringMap('buildArgs'),
    labels: fields.stringMap('labels'),
    platforms: fields.strings('platforms'),
    noCache: noCacheOf(value, fields),
    pull: fields.boolean('pull'),
    networkMode: fields.string('networkMode') || 'default',
    extraHosts: fields.strings('extraHosts'),
    resources: resourcesOf(fields.object('resources')),
    entitlements: fields.strings('entitlements'),
    ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
    outputs: fields.objects('outputs').map(outputOf),
    cacheFrom: fields.objects('cacheFrom').map(cacheOf),
    cacheTo: fields.objects('cacheTo').map(cacheOf),
    checkOnly: fields.boolean('checkOnly'),
    squash: fields.boolean('squash'),
  };
}

function nonEmpty(fields: Fields, name: string): string {
  const text = fields.string(name);
  if (text === '') throw new EngineError('invalid-argument', `a build without ${name}`);
  return text;
}

function noCacheOf(value: unknown, fields: Fields): boolean | string[] {
  const given: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'noCache') : undefined;
  return typeof given === 'boolean'
    ? given
    : fields.strings('noCache').length > 0 && fields.strings('noCache');
}

function unknownKind(what: string, kind: string): EngineError {
  return new EngineError('invalid-argument', `unknown kind of ${what}: ${JSON.stringify(kind)}`);
}

function contextOf(fields: Fields): WireContext {
  const kind = fields.string('kind');
  switch (kind) {
    case 'client': {
      const key = fields.optionalString('key');
      return { kind, ...(key === undefined ? {} : { key }) };
    }
    case 'image':
      return { kind, reference: nonEmpty(fields, 'reference') };
    case 'remote':
      return { kind, url: nonEmpty(fields, 'url') };
    case 'oci-layout':
      return { kind, digest: nonEmpty(fields, 'digest') };
    default:
      throw unknownKind('context', kind);
  }
}

function outputOf(fields: Fields): WireOutput {
  const kind = fields.string('kind');
  switch (kind) {
    case 'image':
      return {
        kind,
        names: fields.strings('names'),
        push: fields.boolean('push'),
        isInsecure: fields.boolean('isInsecure'),
        annotations: fields.stringMap('annotations'),
        attributes: fields.stringMap('attributes'),
      };
    case 'tar':
    case 'docker':
    case 'oci':
      return {
        kind,
        names: fields.strings('names'),
        annotations: fields.stringMap('annotations'),
        attributes: fields.stringMap('attributes'),
      };
    case 'local':
      return { kind, attributes: fields.stringMap('attributes') };
    case 'none':
      return { kind };
    default:
      throw unknownKind('output', kind);
  }
}

function cacheOf(fields: Fields): WireCache {
  const type = fields.string('type');
  const attributes = fields.stringMap('attributes');
  switch (type) {
    case 'registry':
    case 'inline':
    case 'local':
    case 'oci':
      return { type, attributes };
    default:
      throw unknownKind('cache', type);
  }
}

function resourcesOf(fields: Fields): WireResources {
  return {
    memory: fields.integer('memory'),
    memorySwap: fields.integer('memorySwap'),
    cpuShares: fields.integer('cpuShares'),
    cpuPeriod: fields.integer('cpuPeriod'),
    cpuQuota: fields.integer('cpuQuota'),
    cpusetCpus: fields.string('cpusetCpus'),
    cpusetMems: fields.string('cpusetMems'),
    shmSize: fields.integer('shmSize'),
    ulimits: fields.objects('ulimits').map((one) => ({
      name: nonEmpty(one, 'name'),
      soft: one.integer('soft'),
      hard: one.integer('hard'),
    })),
    cgroupParent: fields.string('cgroupParent'),
  };
}
