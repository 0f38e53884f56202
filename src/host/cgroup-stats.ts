/** A cgroup's counters, as the kernel's files tell them (Documentation/admin-guide/cgroup-v1/*.rst and cgroup-v2.rst). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CgroupFacts, type CgroupHierarchy, cgroupRelativePath, hierarchyOf } from './cgroups.ts';

/** A counter beyond what a double holds exactly is a bigint. */
export type Counter = number | bigint;

export interface CpuCounters {
  /** Nanoseconds, here and below. */
  total: number;
  perCpu?: number[];
  kernel: number;
  user: number;
  periods: number;
  throttledPeriods: number;
  throttledTime: number;
}

export interface MemoryCounters {
  /** Bytes, here and below. */
  usage: number;
  /** v1 only. */
  maxUsage?: number;
  failures: number;
  /** Infinity for none. */
  limit: number;
  /** Of `memory.stat`. */
  stats: Record<string, Counter>;
}

export interface BlockIoEntry {
  major: number;
  minor: number;
  /** `Read`, `Write`, `Sync`, `Async`, `Discard`, `Total` (v1); `read`, `write` (v2). */
  operation: string;
  value: number;
}

export interface CgroupStats {
  /** False where the memory is that of v2, of which clients read other fields. */
  isV1: boolean;
  cpu: CpuCounters;
  memory: MemoryCounters;
  /** Undefined where there is no controller. */
  pids?: { current: number; limit: number | undefined };
  /** Bytes. */
  ioBytes: BlockIoEntry[];
  /** Operations; v1 only. */
  ioOperations: BlockIoEntry[];
}

/** Nanoseconds of a tick of USER_HZ, which is 100 a second everywhere. */
const tick = 10_000_000;

type ReadCounter = (controller: string, file: string) => Promise<string>;

/** Undefined where the cgroup is gone. Files of controllers that this host has not count as empty. */
export async function readCgroupStats(
  cgroups: Pick<CgroupFacts, 'hierarchies'>,
  cgroupsPath: string,
): Promise<CgroupStats | undefined> {
  const relative = cgroupRelativePath(cgroupsPath);
  const read: ReadCounter = async (controller, file) => {
    const hierarchy = hierarchyOf(cgroups, controller);
    if (hierarchy === undefined) return '';
    return readFile(join(hierarchy.mountpoint, relative, file), 'utf8').catch(() => '');
  };
  const memory = hierarchyOf(cgroups, 'memory') ?? hierarchyOf(cgroups, 'pids');
  const isV1 = memory === undefined ? cgroups.hierarchies.some(isFirst) : isFirst(memory);
  const stats = isV1 ? await readV1(read) : await readV2(read);
  const isGone = stats.cpu.total === 0 && stats.memory.usage === 0 && (stats.pids?.current ?? 0) === 0;
  return isGone ? undefined : stats;
}

function isFirst({ version }: CgroupHierarchy): boolean {
  return version === 1;
}

async function readV1(read: ReadCounter): Promise<CgroupStats> {
  const [usage, perCpu, shares, throttling, memory, pids, ioBytes, ioOperations] = await Promise.all([
    read('cpuacct', 'cpuacct.usage'),
    read('cpuacct', 'cpuacct.usage_percpu'),
    read('cpuacct', 'cpuacct.stat'),
    read('cpu', 'cpu.stat'),
    readMemoryV1(read),
    readPids(read),
    readIoV1(read, 'io_service_bytes'),
    readIoV1(read, 'io_serviced'),
  ]);
  const times = numbersOf(shares);
  const limits = numbersOf(throttling);
  const cpu: CpuCounters = {
    total: Number(usage),
    perCpu: perCpu.split(/\s+/).filter(Boolean).map(Number),
    kernel: (times.get('system') ?? 0) * tick,
    user: (times.get('user') ?? 0) * tick,
    periods: limits.get('nr_periods') ?? 0,
    throttledPeriods: limits.get('nr_throttled') ?? 0,
    throttledTime: limits.get('throttled_time') ?? 0,
  };
  return { isV1: true, cpu, memory, ioBytes, ioOperations, ...(pids === undefined ? {} : { pids }) };
}

async function readMemoryV1(read: ReadCounter): Promise<MemoryCounters> {
  const names = ['usage_in_bytes', 'max_usage_in_bytes', 'failcnt', 'limit_in_bytes', 'stat'];
  const [usage = '', most = '', failures = '', limit = '', stats = ''] = await Promise.all(
    names.map((name) => read('memory', `memory.${name}`)),
  );
  return {
    usage: Number(usage),
    maxUsage: Number(most),
    failures: Number(failures),
    // "No limit" is the largest whole number of pages.
    limit: limit === '' || Number(limit) >= 2 ** 62 ? Number.POSITIVE_INFINITY : Number(limit),
    stats: countersOf(stats),
  };
}

/** The scheduler's own counters where it has any, else those of throttling. */
async function readIoV1(read: ReadCounter, what: string): Promise<BlockIoEntry[]> {
  const files = [
    `blkio.bfq.${what}_recursive`,
    `blkio.${what}_recursive`,
    `blkio.throttle.${what}_recursive`,
    `blkio.throttle.${what}`,
  ];
  for (const file of files) {
    const entries = parseIoV1(await read('blkio', file));
    if (entries.length > 0) return entries;
  }
  return [];
}

/** Lines such as `8:0 Read 4096`. */
export function parseIoV1(text: string): BlockIoEntry[] {
  return [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(([, major, minor, operation = '', value]) => ({
    major: Number(major),
    minor: Number(minor),
    operation,
    value: Number(value),
  }));
}

async function readPids(read: ReadCounter): Promise<CgroupStats['pids']> {
  const [current, limit] = await Promise.all([read('pids', 'pids.current'), read('pids', 'pids.max')]);
  if (current === '') return undefined;
  return { current: Number(current), limit: limit.trim() === 'max' ? undefined : Number(limit) };
}

async function readV2(read: ReadCounter): Promise<CgroupStats> {
  const [cpuText, memory, pids, io] = await Promise.all([
    // There without the controller too.
    read('cpu', 'cpu.stat').then((text) => text || read('memory', 'cpu.stat')),
    readMemoryV2(read),
    readPids(read),
    read('io', 'io.stat'),
  ]);
  const counters = numbersOf(cpuText);
  const nanoseconds = (name: string): number => (counters.get(name) ?? 0) * 1000;
  const cpu: CpuCounters = {
    total: nanoseconds('usage_usec'),
    kernel: nanoseconds('system_usec'),
    user: nanoseconds('user_usec'),
    periods: counters.get('nr_periods') ?? 0,
    throttledPeriods: counters.get('nr_throttled') ?? 0,
    throttledTime: nanoseconds('throttled_usec'),
  };
  const ioBytes = parseIoV2(io);
  return { isV1: false, cpu, memory, ioBytes, ioOperations: [], ...(pids === undefined ? {} : { pids }) };
}

async function readMemoryV2(read: ReadCounter): Promise<MemoryCounters> {
  const [usage, limit, stats, events] = await Promise.all([
    read('memory', 'memory.current'),
    read('memory', 'memory.max'),
    read('memory', 'memory.stat'),
    read('memory', 'memory.events'),
  ]);
  const isUnlimited = limit.trim() === 'max' || limit === '';
  return {
    usage: Number(usage),
    failures: numbersOf(events).get('oom') ?? 0,
    limit: isUnlimited ? Number.POSITIVE_INFINITY : Number(limit),
    stats: countersOf(stats),
  };
}

/** Lines such as `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`. */
export function parseIoV2(text: string): BlockIoEntry[] {
  const entries: BlockIoEntry[] = [];
  for (const [, major, minor, rest = ''] of text.matchAll(/^(\d+):(\d+) (.*)$/gm)) {
    const device = { major: Number(major), minor: Number(minor) };
    for (const [key, operation] of [
      ['rbytes', 'read'],
      ['wbytes', 'write'],
    ] as const) {
      const value = new RegExp(`\\b${key}=(\\d+)`).exec(rest)?.[1];
      if (value !== undefined) entries.push({ ...device, operation, value: Number(value) });
    }
  }
  return entries;
}

/** Lines of a name and a number. */
function numbersOf(text: string): Map<string, number> {
  return new Map([...text.matchAll(/^(\S+) (\d+)$/gm)].map(([, name = '', value]) => [name, Number(value)]));
}

function countersOf(text: string): Record<string, Counter> {
  const entries = [...text.matchAll(/^(\S+) (\d+)$/gm)].map(([, name = '', digits = '0']) => {
    const value = Number(digits);
    return [name, Number.isSafeInteger(value) ? value : BigInt(digits)] as const;
  });
  return Object.fromEntries(entries);
}
