/** Other limits and another restart policy for a container, at once where it runs. */
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import { liftPidsLimit } from '../host/cgroups-control.ts';
import type { ResourceLimits } from '../runtime/runtime-types.ts';
import { cgroupsPath } from './container-spec.ts';
import type { Container } from './container-table.ts';
import { validateRestart } from './create-validate.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import type { HostConfig, Resources } from './model.ts';
import { runtimeProgram } from './runtimes.ts';
import { buildCpu, buildMemory } from './spec/resources.ts';
import { validateResources } from './spec/validate-resources.ts';
import { hasProcess } from './state.ts';

export interface UpdateRequest {
  /** What is 0, '' or missing stays as it is. */
  resources: Resources;
  /** With the name '' it stays as it is. */
  restartPolicy: HostConfig['restartPolicy'];
}

/**
 * Durable when it resolves, and in force where the container runs. Returns warnings. EngineErrors in Docker's words: `invalid-argument`, `conflict` where an option
 * does not go with what was set before.
 */
export async function updateContainer(
  engine: Engine,
  ref: string,
  request: UpdateRequest,
): Promise<string[]> {
  const container = engine.containers.resolve(ref);
  return container.lock.run(async () => {
    const { removing, state, id } = container;
    if (removing || state.status === 'removing' || state.status === 'dead')
      throw cannotUpdate(id, 'conflict', 'container is marked for removal and cannot be "update"');
    const hostConfig = merge(container, request);
    validateResources(hostConfig, engine.host);
    const warnings = validateResources(alone(request.resources), engine.host);
    if (hasProcess(state)) await apply(engine, container, request.resources, hostConfig);
    engine.containers.update(container, { hostConfig });
    publishContainerEvent(engine.events, container.record, 'update');
    return warnings;
  });
}

/** The request by itself, which is what there may be warnings about. */
function alone(resources: Resources): Resources {
  const { memory, memorySwap } = resources;
  return { ...resources, memorySwap: memory > 0 ? memorySwap : 0, memoryReservation: 0 };
}

function cannotUpdate(id: string, code: 'conflict' | 'internal', why: string, cause?: unknown): EngineError {
  return new EngineError(code, `Cannot update container ${id}: ${why}`, { cause });
}

/** In Docker's order: a limit of processors can be said in two ways, and only in the one in which it was said before. */
function merge({ id, record }: Container, { resources, restartPolicy }: UpdateRequest): HostConfig {
  const before = record.hostConfig;
  const conflict = conflictOf(before, resources);
  if (conflict !== undefined) throw cannotUpdate(id, 'conflict', conflict);
  const { pidsLimit } = resources;
  const policy = restartPolicy.name === '' ? before.restartPolicy : restartPolicy;
  if (before.autoRemove && policy.name !== 'no' && restartPolicy.name !== '') {
    const why = 'Restart policy cannot be updated because AutoRemove is enabled for the container';
    throw cannotUpdate(id, 'conflict', why);
  }
  validateRestart(policy, before.autoRemove);
  return {
    ...before,
    ...given(resources, changeable),
    ...(pidsLimit === undefined ? {} : { pidsLimit }),
    restartPolicy: policy,
  };
}

const changeable = [
  'blkioWeight',
  'cpuShares',
  'nanoCpus',
  'cpuPeriod',
  'cpuQuota',
  'cpusetCpus',
  'cpusetMems',
  'memory',
  'memorySwap',
  'memoryReservation',
  'cpuRealtimePeriod',
  'cpuRealtimeRuntime',
] as const;

function given<K extends keyof Resources>(
  resources: Resources,
  names: readonly K[],
): Partial<Pick<Resources, K>> {
  const found: Partial<Pick<Resources, K>> = {};
  for (const name of names) {
    const value = resources[name];
    if (value !== 0 && value !== '') found[name] = value;
  }
  return found;
}

function conflictOf(before: Resources, asked: Resources): string | undefined {
  const found: Array<[isConflict: boolean, why: string]> = [
    [
      asked.nanoCpus > 0 && before.cpuPeriod > 0,
      'Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set',
    ],
    [
      asked.nanoCpus > 0 && before.cpuQuota > 0,
      'Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set',
    ],
    [
      asked.cpuPeriod > 0 && before.nanoCpus > 0,
      'Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set',
    ],
    [
      asked.cpuQuota > 0 && before.nanoCpus > 0,
      'Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set',
    ],
    [
      asked.memory > 0 &&
        asked.memorySwap === 0 &&
        before.memorySwap >= 0 &&
        asked.memory > before.memorySwap,
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    ],
  ];
  return found.find(([isConflict]) => isConflict)?.[1];
}

/** Only what was asked for, with what it needs beside it. */
async function apply(
  engine: Engine,
  container: Container,
  asked: Resources,
  hostConfig: HostConfig,
): Promise<void> {
  const limits = limitsOf(engine, asked, hostConfig);
  const program = runtimeProgram(engine.config, engine.host, hostConfig.runtime);
  try {
    if (Object.keys(limits).length > 0) await engine.runtime.update(container.id, program, limits);
    // Not by the runtime: crun takes no number for it.
    if ((asked.pidsLimit ?? 1) <= 0)
      await liftPidsLimit(engine.host.cgroups, cgroupsPath(engine, container.record));
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw cannotUpdate(container.id, 'internal', messageOf(error), error);
  }
}

function limitsOf(engine: Engine, asked: Resources, whole: HostConfig): ResourceLimits {
  const { features } = engine.host.cgroups;
  const wants = (...names: Array<keyof Resources>): boolean =>
    names.some((name) => asked[name] !== 0 && asked[name] !== '');
  const memory = buildMemory(whole, features);
  // -1 is no limit, which a new container has by itself.
  if (features.swap && asked.memorySwap === -1) memory.swap = -1;
  const { shares, cpus, mems, ...time } = buildCpu(whole, features);
  const cpu = {
    ...(wants('nanoCpus', 'cpuPeriod', 'cpuQuota', 'cpuRealtimePeriod', 'cpuRealtimeRuntime') ? time : {}),
    ...(wants('cpuShares') && shares !== undefined ? { shares } : {}),
    ...(wants('cpusetCpus') && cpus !== undefined ? { cpus } : {}),
    ...(wants('cpusetMems') && mems !== undefined ? { mems } : {}),
  };
  const { limit, reservation, swap } = memory;
  const memoryLimits = {
    ...(limit === undefined ? {} : { limit }),
    ...(reservation === undefined ? {} : { reservation }),
    ...(swap === undefined ? {} : { swap }),
  };
  const pids = asked.pidsLimit;
  return {
    ...(wants('memory', 'memorySwap', 'memoryReservation') ? { memory: memoryLimits } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(pids !== undefined && pids > 0 && features.pids ? { pids: { limit: pids } } : {}),
    ...(wants('blkioWeight') && features.blkioWeight ? { blockIO: { weight: whole.blkioWeight } } : {}),
  };
}
