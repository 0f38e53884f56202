/** Checks a container's limits against sense and this host, in Docker's words. */
import { EngineError } from '../../errors/engine-error.ts';
import type { CgroupFeatures } from '../../host/cgroups.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { Resources } from '../model.ts';
import { parseCpuset } from './cpuset.ts';

const smallestMemory = 6 * 1024 * 1024;

/** Throws EngineError `invalid-argument` for what makes no sense; returns a warning for each thing that this host can't do. */
export function validateResources(resources: Resources, host: HostFacts): string[] {
  checkMemory(resources);
  checkCpu(resources, host);
  checkCpuset(resources, host);
  checkBlockIo(resources);
  return resourceWarnings(resources, host.cgroups.features);
}

function refuse(condition: boolean, message: string, hint?: string): void {
  if (condition) throw new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}

function checkMemory(r: Resources): void {
  refuse(r.memory !== 0 && r.memory < smallestMemory, 'Minimum memory limit allowed is 6MB');
  refuse(
    r.memory > 0 && r.memorySwap > 0 && r.memorySwap < r.memory,
    'Minimum memoryswap limit should be larger than memory limit, see usage',
    'The swap limit counts memory and swap together; -1 is no limit.',
  );
  refuse(
    r.memory === 0 && r.memorySwap > 0,
    'You should always set the Memory limit when using Memoryswap limit, see usage',
  );
  const swappiness = r.memorySwappiness ?? -1;
  refuse(
    swappiness < -1 || swappiness > 100,
    `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`,
  );
  refuse(
    r.memoryReservation > 0 && r.memoryReservation < smallestMemory,
    'Minimum memory reservation allowed is 6MB',
  );
  refuse(
    r.memory > 0 && r.memoryReservation > r.memory,
    'Minimum memory limit can not be less than memory reservation limit, see usage',
  );
}

function checkCpu(r: Resources, host: HostFacts): void {
  refuse(
    r.nanoCpus > 0 && r.cpuPeriod > 0,
    'Conflicting options: Nano CPUs and CPU Period cannot both be set',
  );
  refuse(r.nanoCpus > 0 && r.cpuQuota > 0, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  refuse(
    r.nanoCpus > 0 && !host.cgroups.features.cpuQuota,
    'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
  );
  refuse(
    r.nanoCpus < 0 || r.nanoCpus > host.cpuCount * 1e9,
    `Range of CPUs is from 0.01 to ${host.cpuCount}.00, as there are only ${host.cpuCount} CPUs available`,
  );
  refuse(r.cpuShares < 0, `invalid CPU shares (${r.cpuShares}): value must be a positive integer`);
  refuse(
    r.cpuPeriod !== 0 && (r.cpuPeriod < 1000 || r.cpuPeriod > 1_000_000),
    'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
  );
  refuse(r.cpuQuota > 0 && r.cpuQuota < 1000, 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
  checkRealtime(r, host);
}

function checkRealtime(r: Resources, host: HostFacts): void {
  const { cpuRealtimePeriod: period, cpuRealtimeRuntime: runtime } = r;
  const supported = host.cgroups.features.cpuRealtime;
  refuse(period !== 0 && !supported, 'Your kernel does not support CPU real-time period');
  refuse(runtime !== 0 && !supported, 'Your kernel does not support CPU real-time runtime');
  refuse(
    period !== 0 && runtime > period,
    'cpu real-time runtime cannot be higher than cpu real-time period',
  );
}

function checkCpuset(r: Resources, host: HostFacts): void {
  const { features, cpus, mems } = host.cgroups;
  if (!features.cpuset) return;
  checkList(r.cpusetCpus, cpus, 'cpus', 'CPUs');
  checkList(r.cpusetMems, mems, 'mems', 'memory nodes');
}

function checkList(asked: string, available: string, kind: string, noun: string): void {
  if (asked === '') return;
  const wanted = parseCpuset(asked);
  if (wanted === undefined)
    throw new EngineError(
      'invalid-argument',
      `Invalid value ${asked} for cpuset ${kind}: invalid format: ${asked}`,
      {
        hint: 'Write numbers and ranges such as 0-2,4.',
      },
    );
  const there = parseCpuset(available);
  const missing = there !== undefined && [...wanted].some((number) => !there.has(number));
  refuse(missing, `Requested ${noun} are not available - requested ${asked}, available: ${available}`);
}

function checkBlockIo(r: Resources): void {
  const outside = (weight: number) => weight !== 0 && (weight < 10 || weight > 1000);
  refuse(outside(r.blkioWeight), 'Range of blkio weight is from 10 to 1000');
  for (const { path, weight } of r.blkioWeightDevice)
    refuse(outside(weight), `invalid weight for device: ${path}:${weight}`, 'Give a weight from 10 to 1000.');
}

/** In Docker's order and words. */
function resourceWarnings(r: Resources, can: CgroupFeatures): string[] {
  const lacks: Array<[lacking: boolean, message: string]> = [
    [r.memory > 0 && !can.memory, unsupported('memory limit capabilities', 'Limitation discarded.')],
    [
      r.memory > 0 && can.memory && r.memorySwap !== -1 && !can.swap,
      unsupported('swap limit capabilities', 'Memory limited without swap.'),
    ],
    [
      (r.memorySwappiness ?? -1) >= 0 && !can.swappiness,
      unsupported('memory swappiness capabilities', 'Memory swappiness discarded.'),
    ],
    [
      r.memoryReservation > 0 && !can.memoryReservation,
      unsupported('memory soft limit capabilities', 'Limitation discarded.'),
    ],
    [
      r.oomKillDisable === true && !can.oomKillDisable,
      'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
    ],
    [
      r.oomKillDisable === true && can.oomKillDisable && r.memory === 0,
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    ],
    [(r.pidsLimit ?? 0) > 0 && !can.pids, unsupported('PIDs limit capabilities', 'PIDs limit discarded.')],
    [r.cpuShares > 0 && !can.cpuShares, unsupported('CPU shares', 'Shares discarded.')],
    [
      (r.cpuPeriod !== 0 || r.cpuQuota !== 0) && !can.cpuQuota,
      'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
    ],
    [(r.cpusetCpus !== '' || r.cpusetMems !== '') && !can.cpuset, unsupported('cpuset', 'Cpuset discarded.')],
    ...blockIoLacks(r, can),
  ];
  return lacks.filter(([lacking]) => lacking).map(([, message]) => message);
}

function blockIoLacks(r: Resources, can: CgroupFeatures): Array<[boolean, string]> {
  const throttle = (list: readonly unknown[]) => list.length > 0 && !can.blkioThrottle;
  return [
    [r.blkioWeight > 0 && !can.blkioWeight, unsupported('Block I/O weight', 'Weight discarded.')],
    [
      r.blkioWeightDevice.length > 0 && !can.blkioWeightDevice,
      unsupported('Block I/O weight_device', 'Weight-device discarded.'),
    ],
    [
      throttle(r.blkioDeviceReadBps),
      unsupported('BPS Block I/O read limit', 'Block I/O BPS read limit discarded.'),
    ],
    [
      throttle(r.blkioDeviceWriteBps),
      unsupported('BPS Block I/O write limit', 'Block I/O BPS write limit discarded.'),
    ],
    [
      throttle(r.blkioDeviceReadIops),
      unsupported('IOPS Block read limit', 'Block I/O IOPS read limit discarded.'),
    ],
    [
      throttle(r.blkioDeviceWriteIops),
      unsupported('IOPS Block write limit', 'Block I/O IOPS write limit discarded.'),
    ],
  ];
}

function unsupported(what: string, consequence: string): string {
  return `Your kernel does not support ${what} or the cgroup is not mounted. ${consequence}`;
}
