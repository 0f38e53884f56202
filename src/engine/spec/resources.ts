/** A container's limits, as the OCI config says them; what this host can't limit is left out (validation warned of it). */
import { EngineError } from '../../errors/engine-error.ts';
import type { CgroupFeatures } from '../../host/cgroups.ts';
import type { SpecBlockRate, SpecResources } from '../../oci/runtime-spec.ts';
import type { Resources } from '../model.ts';
import { buildDeviceRules } from './devices.ts';
import type { SpecInput } from './spec-input.ts';

/** Microseconds: the period that `--cpus` is a share of. */
const quotaPeriod = 100_000;

export function buildResources(input: SpecInput): SpecResources {
  const { hostConfig } = input.container;
  const { features } = input.host.cgroups;
  return dropEmpty({
    devices: buildDeviceRules(input),
    memory: buildMemory(hostConfig, features),
    cpu: buildCpu(hostConfig, features),
    pids: buildPids(hostConfig, features),
    blockIO: buildBlockIo(hostConfig, features, input.blockDevices),
  });
}

/** Without members that are undefined or have no members themselves. */
function dropEmpty(resources: { [K in keyof SpecResources]: SpecResources[K] | undefined }): SpecResources {
  const kept = Object.entries(resources).filter(
    ([, value]) => value !== undefined && Object.keys(value).length > 0,
  );
  return { devices: [], ...Object.fromEntries(kept) };
}

type Memory = NonNullable<SpecResources['memory']>;

export function buildMemory(resources: Resources, features: CgroupFeatures): Memory {
  const memory: Memory = {};
  if (!features.memory) return memory;
  if (resources.memory > 0) memory.limit = resources.memory;
  if (resources.memoryReservation > 0 && features.memoryReservation)
    memory.reservation = resources.memoryReservation;
  const swap = swapLimit(resources);
  if (swap > 0 && features.swap) memory.swap = swap;
  const swappiness = resources.memorySwappiness ?? -1;
  if (swappiness >= 0 && features.swappiness) memory.swappiness = swappiness;
  if (resources.oomKillDisable && features.oomKillDisable) memory.disableOOMKiller = true;
  return memory;
}

/** Memory and swap together; twice the memory where nothing was said. */
export function swapLimit(resources: Pick<Resources, 'memory' | 'memorySwap'>): number {
  if (resources.memory > 0 && resources.memorySwap === 0) return resources.memory * 2;
  return resources.memorySwap;
}

type Cpu = NonNullable<SpecResources['cpu']>;

export function buildCpu(resources: Resources, features: CgroupFeatures): Cpu {
  const cpu: Cpu = {};
  if (resources.cpuShares > 0 && features.cpuShares) cpu.shares = resources.cpuShares;
  if (features.cpuQuota) Object.assign(cpu, quotaOf(resources));
  if (features.cpuRealtime && resources.cpuRealtimePeriod !== 0)
    cpu.realtimePeriod = resources.cpuRealtimePeriod;
  if (features.cpuRealtime && resources.cpuRealtimeRuntime !== 0)
    cpu.realtimeRuntime = resources.cpuRealtimeRuntime;
  if (features.cpuset && resources.cpusetCpus !== '') cpu.cpus = resources.cpusetCpus;
  if (features.cpuset && resources.cpusetMems !== '') cpu.mems = resources.cpusetMems;
  return cpu;
}

function quotaOf(resources: Resources): Pick<Cpu, 'period' | 'quota'> {
  if (resources.nanoCpus > 0)
    return { period: quotaPeriod, quota: Math.floor((resources.nanoCpus * quotaPeriod) / 1e9) };
  return {
    ...(resources.cpuPeriod === 0 ? {} : { period: resources.cpuPeriod }),
    ...(resources.cpuQuota === 0 ? {} : { quota: resources.cpuQuota }),
  };
}

function buildPids(resources: Resources, features: CgroupFeatures): { limit: number } | undefined {
  const limit = resources.pidsLimit ?? 0;
  return limit > 0 && features.pids ? { limit } : undefined;
}

type Devices = SpecInput['blockDevices'];
type BlockIo = NonNullable<SpecResources['blockIO']>;

function buildBlockIo(resources: Resources, features: CgroupFeatures, devices: Devices): BlockIo {
  const blockIo: BlockIo = {};
  if (resources.blkioWeight > 0 && features.blkioWeight) blockIo.weight = resources.blkioWeight;
  if (resources.blkioWeightDevice.length > 0 && features.blkioWeightDevice)
    blockIo.weightDevice = resources.blkioWeightDevice.map(({ path, weight }) => ({
      ...numbersOf(path, devices),
      weight,
    }));
  if (!features.blkioThrottle) return blockIo;
  const rates = (list: Resources['blkioDeviceReadBps']): SpecBlockRate[] =>
    list.map(({ path, rate }) => ({ ...numbersOf(path, devices), rate }));
  if (resources.blkioDeviceReadBps.length > 0)
    blockIo.throttleReadBpsDevice = rates(resources.blkioDeviceReadBps);
  if (resources.blkioDeviceWriteBps.length > 0)
    blockIo.throttleWriteBpsDevice = rates(resources.blkioDeviceWriteBps);
  if (resources.blkioDeviceReadIops.length > 0)
    blockIo.throttleReadIOPSDevice = rates(resources.blkioDeviceReadIops);
  if (resources.blkioDeviceWriteIops.length > 0)
    blockIo.throttleWriteIOPSDevice = rates(resources.blkioDeviceWriteIops);
  return blockIo;
}

function numbersOf(path: string, devices: Devices): { major: number; minor: number } {
  const numbers = devices.get(path);
  if (numbers === undefined) throw new EngineError('internal', `stat ${path}: no such file or directory`);
  return { ...numbers };
}

/** Paths of all block devices that the limits name: what `gatherBlockDevices` shall look up. */
export function blockDevicePaths(resources: Resources): string[] {
  const lists = [
    resources.blkioWeightDevice,
    resources.blkioDeviceReadBps,
    resources.blkioDeviceWriteBps,
    resources.blkioDeviceReadIops,
    resources.blkioDeviceWriteIops,
  ];
  return lists.flatMap((list) => list.map((entry) => entry.path));
}
