/** From the flags of `gantry build` to what the daemon is asked for. */
import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { EngineError } from '../../errors/engine-error.ts';
import type { WireBuild, WireContext } from '../../wire/build-session.ts';
import type { Io } from '../io.ts';
import { toRecord } from '../run-config/csv.ts';
import type { BuildFlags } from './build-flags.ts';
import { type BuildSource, isRemote } from './context-source.ts';
import { type OciLayout, resolveInLayout } from './oci-layouts.ts';
import { cacheOf, type PlannedOutput } from './output-flags.ts';

export interface NamedContexts {
  wire: Record<string, WireContext>;
  /** Directories by name. */
  roots: Map<string, string>;
  layouts: Map<string, OciLayout>;
}

/** `name=path`, `name=docker-image://…`, `name=oci-layout://path[:tag][@digest]`, `name=https://…`. */
export function namedContexts(values: readonly string[]): NamedContexts {
  const named: NamedContexts = { wire: {}, roots: new Map(), layouts: new Map() };
  for (const value of values) {
    const equals = value.indexOf('=');
    if (equals < 1)
      throw new EngineError('invalid-argument', `invalid context value: ${value}, expected key=value`);
    addContext(named, value.slice(0, equals), value.slice(equals + 1));
  }
  return named;
}

function addContext({ wire, roots, layouts }: NamedContexts, name: string, source: string): void {
  if (source.startsWith('docker-image://')) {
    wire[name] = { kind: 'image', reference: source.slice('docker-image://'.length) };
    return;
  }
  if (source.startsWith('oci-layout://')) {
    const [, path = '', tag, digest] =
      /^(.*?)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(source.slice('oci-layout://'.length)) ?? [];
    const layout = { root: path };
    layouts.set(name, layout);
    wire[name] = { kind: 'oci-layout', digest: digest ?? resolveInLayout(layout, tag) };
    return;
  }
  if (isRemote(source)) {
    wire[name] = { kind: 'remote', url: source };
    return;
  }
  try {
    roots.set(name, realpathSync(source));
  } catch {
    throw new EngineError(
      'invalid-argument',
      `failed to get build context ${name}: path ${source} not found`,
    );
  }
  wire[name] = { kind: 'client', key: keyOf(roots.get(name) ?? '') };
}

/** `A=b`, or `A` for the value in this environment; one that has none is left out. */
export function buildArgsOf(values: readonly string[], env: Io['env']): Record<string, string> {
  const pairs = values.flatMap((value) => {
    if (value.includes('=')) return [value];
    const own = env[value];
    return own === undefined ? [] : [`${value}=${own}`];
  });
  return toRecord(pairs);
}

/** An ID that people can type. */
export function newBuildId(): string {
  return randomBytes(6).toString('hex');
}

export function wireBuild(
  flags: BuildFlags,
  source: BuildSource,
  contexts: NamedContexts,
  outputs: readonly PlannedOutput[],
  env: Io['env'],
): WireBuild {
  const filters = flags['no-cache-filter'].flatMap((value) => value.split(','));
  const buildArgs = buildArgsOf(flags['build-arg'], env);
  const epoch = buildArgs['SOURCE_DATE_EPOCH'] ?? env['SOURCE_DATE_EPOCH'] ?? '';
  const main = mainContext(source);
  return {
    open: 'build',
    id: newBuildId(),
    dockerfile: source.dockerfile,
    contexts: { ...contexts.wire, '': main },
    hasDockerfile: source.outside !== undefined,
    target: flags.target,
    buildArgs,
    labels: toRecord(flags.label),
    platforms: flags.platform.split(',').filter((one) => one !== ''),
    noCache: flags['no-cache'] ? true : filters.length > 0 && filters,
    pull: flags.pull,
    networkMode: flags.network,
    extraHosts: [...flags['add-host']],
    resources: {
      memory: flags.memory,
      memorySwap: flags['memory-swap'],
      cpuShares: flags['cpu-shares'],
      cpuPeriod: flags['cpu-period'],
      cpuQuota: flags['cpu-quota'],
      cpusetCpus: flags['cpuset-cpus'],
      cpusetMems: flags['cpuset-mems'],
      shmSize: flags['shm-size'],
      ulimits: flags.ulimit.map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
      cgroupParent: flags['cgroup-parent'],
    },
    entitlements: flags.allow.flatMap((value) => value.split(',')),
    ...(/^\d+$/.test(epoch) ? { sourceDateEpoch: Number(epoch) } : {}),
    outputs: outputs.map(({ wire }) => wire),
    cacheFrom: flags['cache-from'].map((value) => cacheOf('cache-from', value)),
    cacheTo: flags['cache-to'].map((value) => cacheOf('cache-to', value)),
    checkOnly: flags.check || flags.call === 'check',
    squash: flags.squash,
  };
}

function mainContext({ context }: BuildSource): WireContext {
  if (context.kind === 'remote') return { kind: 'remote', url: context.url };
  // What came over stdin is in a directory that is another the next time.
  return context.kind === 'directory' && context.isTemporary !== true
    ? { kind: 'client', key: keyOf(context.root) }
    : { kind: 'client' };
}

function keyOf(root: string): string {
  return `${hostname()}:${root}`;
}
