/** Which cgroup hierarchies this host has, what they can do, and where a container's cgroup is in them. */
import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { readFact } from './kernel.ts';

export type CgroupMode = 'v1' | 'hybrid' | 'v2';
export type CgroupDriver = 'cgroupfs' | 'systemd';

export interface CgroupHierarchy {
  version: 1 | 2;
  /** Where it is mounted. */
  mountpoint: string;
  /** v1: attached here (`memory`, `name=systemd`); v2: enabled for the root's children or available in the root. */
  controllers: readonly string[];
}

/** What limits can be set here: Docker discards the others with a warning. */
export interface CgroupFeatures {
  memory: boolean;
  memoryReservation: boolean;
  swap: boolean;
  swappiness: boolean;
  oomKillDisable: boolean;
  cpuShares: boolean;
  cpuQuota: boolean;
  cpuRealtime: boolean;
  cpuset: boolean;
  pids: boolean;
  blkioWeight: boolean;
  blkioWeightDevice: boolean;
  blkioThrottle: boolean;
}

export interface CgroupFacts {
  mode: CgroupMode;
  /** What Docker would take by itself: systemd where a v2 host runs it. */
  defaultDriver: CgroupDriver;
  hierarchies: readonly CgroupHierarchy[];
  features: CgroupFeatures;
  /** Lists such as `0-3,8` of what cpusets may name; '' where unknown. */
  cpus: string;
  mems: string;
  /** Controllers that a hybrid host left on its v2 side: crun refuses such a host until they are v1 hierarchies. */
  hybridWithControllers: readonly string[];
  namespaces: boolean;
}

const v1Controllers = new Set(
  'cpu cpuacct cpuset memory devices freezer blkio pids hugetlb net_cls net_prio perf_event rdma misc'.split(
    ' ',
  ),
);

/** The hierarchies in the content of a /proc/PID/mountinfo (proc_pid_mountinfo(5)), each once. `controllersOf` gives those of a v2 mount. */
export function parseHierarchies(
  mountinfo: string,
  controllersOf: (mountpoint: string) => string[],
): CgroupHierarchy[] {
  const found = new Map<string, CgroupHierarchy>();
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const mountpoint = unescapePath(left.split(' ')[4] ?? '');
    const [type, , options = ''] = right.split(' ');
    if (type === 'cgroup2' && !found.has('cgroup2'))
      found.set('cgroup2', { version: 2, mountpoint, controllers: controllersOf(mountpoint) });
    if (type !== 'cgroup') continue;
    const controllers = options
      .split(',')
      .filter((option) => v1Controllers.has(option) || option.startsWith('name='));
    const key = controllers.join();
    if (!found.has(key)) found.set(key, { version: 1, mountpoint, controllers });
  }
  return [...found.values()];
}

function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** v2 where it is the only kind, hybrid where v1 hierarchies stand beside it. */
export function modeOf(hierarchies: readonly CgroupHierarchy[]): CgroupMode {
  const versions = new Set(hierarchies.map((hierarchy) => hierarchy.version));
  if (!versions.has(1)) return versions.has(2) ? 'v2' : 'v1';
  return versions.has(2) ? 'hybrid' : 'v1';
}

/** The hierarchy that has a controller; on a hybrid host the v1 one. */
export function hierarchyOf(
  cgroups: Pick<CgroupFacts, 'hierarchies'>,
  controller: string,
): CgroupHierarchy | undefined {
  return cgroups.hierarchies.find((hierarchy) => hierarchy.controllers.includes(controller));
}

/** Reads the host's cgroups from `/proc/self/mountinfo` and the files of each hierarchy's root. */
export function readCgroupFacts(): CgroupFacts {
  const hierarchies = parseHierarchies(readFact('/proc/self/mountinfo') ?? '', (mountpoint) =>
    words(readFact(join(mountpoint, 'cgroup.controllers'))),
  );
  const mode = modeOf(hierarchies);
  const systemd = existsSync('/run/systemd/system');
  const cpuset = hierarchyOf({ hierarchies }, 'cpuset');
  const v2 = hierarchies.find((hierarchy) => hierarchy.version === 2);
  return {
    mode,
    defaultDriver: mode === 'v2' && systemd ? 'systemd' : 'cgroupfs',
    hierarchies,
    features: mode === 'v2' ? v2Features(hierarchies) : v1Features(hierarchies),
    cpus: readCpuset(cpuset, 'cpus'),
    mems: readCpuset(cpuset, 'mems'),
    hybridWithControllers: mode === 'hybrid' ? (v2?.controllers ?? []) : [],
    namespaces: existsSync('/proc/self/ns/cgroup'),
  };
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

function readCpuset(hierarchy: CgroupHierarchy | undefined, kind: 'cpus' | 'mems'): string {
  if (hierarchy === undefined) return '';
  const file = hierarchy.version === 2 ? `cpuset.${kind}.effective` : `cpuset.${kind}`;
  return (readFact(join(hierarchy.mountpoint, file)) ?? '').trim();
}

/** A v1 limit exists where its file does. */
function v1Features(hierarchies: readonly CgroupHierarchy[]): CgroupFeatures {
  const has = (controller: string, ...files: string[]): boolean => {
    const hierarchy = hierarchyOf({ hierarchies }, controller);
    return hierarchy !== undefined && files.some((file) => existsSync(join(hierarchy.mountpoint, file)));
  };
  return {
    memory: has('memory', 'memory.limit_in_bytes'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
    swap: has('memory', 'memory.memsw.limit_in_bytes'),
    swappiness: has('memory', 'memory.swappiness'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuQuota: has('cpu', 'cpu.cfs_quota_us'),
    cpuRealtime: has('cpu', 'cpu.rt_runtime_us'),
    cpuset: has('cpuset', 'cpuset.cpus'),
    // The root of the pids hierarchy has no pids.max.
    pids: has('pids', 'cgroup.procs'),
    blkioWeight: has('blkio', 'blkio.weight', 'blkio.bfq.weight'),
    blkioWeightDevice: has('blkio', 'blkio.weight_device', 'blkio.bfq.weight_device'),
    blkioThrottle: has('blkio', 'blkio.throttle.read_bps_device'),
  };
}

function v2Features(hierarchies: readonly CgroupHierarchy[]): CgroupFeatures {
  const has = (controller: string) => hierarchyOf({ hierarchies }, controller) !== undefined;
  return {
    memory: has('memory'),
    memoryReservation: has('memory'),
    swap: has('memory') && hasSwapAccounting(hierarchies),
    swappiness: false,
    oomKillDisable: false,
    cpuShares: has('cpu'),
    cpuQuota: has('cpu'),
    cpuRealtime: false,
    cpuset: has('cpuset'),
    pids: has('pids'),
    blkioWeight: has('io'),
    blkioWeightDevice: has('io'),
    blkioThrottle: has('io'),
  };
}

/** The root has no memory.swap.max, so our own cgroup tells; a process in the root can't know. */
function hasSwapAccounting(hierarchies: readonly CgroupHierarchy[]): boolean {
  const own = /^0::(.*)$/m.exec(readFact('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  const mountpoint = hierarchies[0]?.mountpoint ?? '';
  return own === '/' || existsSync(join(mountpoint, own, 'memory.swap.max'));
}

export interface CgroupPlace {
  driver: CgroupDriver;
  /** `/gantry` or, for systemd, `system.slice`; '' for the default of the driver. */
  parent: string;
  id: string;
}

/** What the OCI config's `cgroupsPath` says: an absolute path, or `SLICE:gantry:ID` for the systemd driver. */
export function cgroupsPathOf(place: CgroupPlace): string {
  if (place.driver === 'systemd') return `${place.parent || 'system.slice'}:gantry:${place.id}`;
  return normalize(`/${place.parent || 'gantry'}/${place.id}`);
}

/** The path below each hierarchy's mount point of a `cgroupsPath`. */
export function cgroupRelativePath(cgroupsPath: string): string {
  const [slice = '', prefix, id] = cgroupsPath.split(':');
  if (prefix === undefined || id === undefined) return normalize(`/${cgroupsPath}`);
  return `${slicePath(slice)}/${prefix}-${id}.scope`;
}

/** systemd.slice(5): `a-b.slice` stands in `/a.slice/a-b.slice`. */
function slicePath(slice: string): string {
  const names = slice
    .replace(/\.slice$/, '')
    .split('-')
    .filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, index + 1).join('-')}.slice`).join('');
}

/** The container's directory in each hierarchy. */
export function cgroupDirectories(cgroups: Pick<CgroupFacts, 'hierarchies'>, cgroupsPath: string): string[] {
  const path = cgroupRelativePath(cgroupsPath);
  return cgroups.hierarchies.map((hierarchy) => join(hierarchy.mountpoint, path));
}

/**
 * The file that tells whether the kernel ended a process for want of memory: `memory.oom_control` (v1, `oom_kill N`) or
 * `memory.events` (v2, the same line). Undefined where there is no memory controller.
 */
export function oomFileOf(
  cgroups: Pick<CgroupFacts, 'hierarchies'>,
  cgroupsPath: string,
): string | undefined {
  const memory = hierarchyOf(cgroups, 'memory');
  if (memory === undefined) return undefined;
  const file = memory.version === 2 ? 'memory.events' : 'memory.oom_control';
  return join(memory.mountpoint, cgroupRelativePath(cgroupsPath), file);
}
