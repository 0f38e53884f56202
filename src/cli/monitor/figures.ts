/** What the monitor shows of a container's statistics: shares, sizes, and rates between two samples. */
import type { BlkioStats, CpuStats, MemoryStats, StatsResponse } from '../../wire/stats.ts';

export interface Figures {
  /** Milliseconds since the epoch. */
  at: number;
  /** 100 is one processor. */
  cpuPercent: number;
  /** Bytes, without what the kernel can drop at once. */
  memory: number;
  /** Bytes; 0 where there is none. */
  memoryLimit: number;
  /** Bytes since the start. */
  received: number;
  sent: number;
  read: number;
  written: number;
  /** Bytes per second since the last sample. */
  receiveRate: number;
  sendRate: number;
  readRate: number;
  writeRate: number;
  processes: number;
}

/** `previous` is the sample before, of the same start. */
export function figuresOf(stats: StatsResponse, previous: Figures | undefined): Figures {
  const networks = Object.values(stats.networks ?? {});
  const at = Date.parse(stats.read);
  const totals = {
    received: sum(networks.map(({ rx_bytes }) => rx_bytes)),
    sent: sum(networks.map(({ tx_bytes }) => tx_bytes)),
    read: transferred(stats.blkio_stats, 'r'),
    written: transferred(stats.blkio_stats, 'w'),
  };
  const seconds = previous === undefined ? 0 : (at - previous.at) / 1000;
  const rate = (now: number, before: number | undefined): number =>
    before === undefined || seconds <= 0 ? 0 : Math.max(0, (now - before) / seconds);
  return {
    at,
    ...totals,
    cpuPercent: cpuPercent(stats.cpu_stats, stats.precpu_stats),
    memory: memoryInUse(stats.memory_stats),
    memoryLimit: stats.memory_stats.limit ?? 0,
    receiveRate: rate(totals.received, previous?.received),
    sendRate: rate(totals.sent, previous?.sent),
    readRate: rate(totals.read, previous?.read),
    writeRate: rate(totals.written, previous?.written),
    processes: stats.pids_stats.current ?? 0,
  };
}

function cpuPercent(now: CpuStats, before: CpuStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const processors = now.online_cpus || now.cpu_usage.percpu_usage?.length || 1;
  return before.system_cpu_usage !== undefined && passed > 0 && used > 0
    ? (used / passed) * processors * 100
    : 0;
}

/** As `docker stats`: the page cache that is not in use does not count (cgroup v1 and v2 name it differently). */
function memoryInUse({ usage = 0, stats = {} }: MemoryStats): number {
  const idle = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  return idle < usage ? usage - idle : usage;
}

function transferred({ io_service_bytes_recursive: entries }: BlkioStats, letter: string): number {
  return sum(
    (entries ?? []).filter(({ op }) => op.toLowerCase().startsWith(letter)).map(({ value }) => value),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
