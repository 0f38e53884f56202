/** `GET /containers/{id}/stats`. */

import { containerStats } from '../engine/stats/stats.ts';
import type { StatsReport, StatsSample } from '../engine/stats/stats-report.ts';
import type { BlockIoEntry, Counter } from '../host/cgroup-stats.ts';
import type { InterfaceCounters } from '../host/host-counters.ts';
import { encodeJsonLine } from '../wire/json-stream.ts';
import type {
  BlkioStatEntry,
  BlkioStats,
  CpuStats,
  MemoryStats,
  NetworkStats,
  StatsResponse,
} from '../wire/stats.ts';
import { type Call, param } from './call.ts';
import { openStream, writeThrough } from './stream-response.ts';
import { rfc3339 } from './timestamps.ts';

export async function getStats(call: Call): Promise<void> {
  const request = { stream: call.query.boolean('stream', true), oneShot: call.query.boolean('one-shot') };
  const reports = containerStats(call.engine, param(call, 'id'), request, call.signal);
  openStream(call, 'application/json');
  for await (const report of reports) {
    if (!(await writeThrough(call.response, encodeJsonLine(encodeStats(report))))) break;
  }
  call.response.end();
}

export function encodeStats({ id, name, sample, previous }: StatsReport): StatsResponse {
  const interfaces = [...(sample?.interfaces ?? [])];
  return {
    name: `/${name}`,
    id,
    read: rfc3339(sample?.readAt),
    preread: rfc3339(previous?.readAt),
    pids_stats: encodePids(sample),
    blkio_stats: encodeBlockIo(sample),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: encodeCpu(sample),
    precpu_stats: encodeCpu(previous),
    memory_stats: encodeMemory(sample),
    ...(interfaces.length === 0
      ? {}
      : {
          networks: Object.fromEntries(interfaces.map(([one, counters]) => [one, encodeInterface(counters)])),
        }),
  };
}

function encodePids(sample: StatsSample | undefined): StatsResponse['pids_stats'] {
  const pids = sample?.cgroup.pids;
  if (pids === undefined) return {};
  return { current: pids.current, ...(pids.limit === undefined ? {} : { limit: pids.limit }) };
}

function encodeCpu(sample: StatsSample | undefined): CpuStats {
  const cpu = sample?.cgroup.cpu;
  return {
    cpu_usage: {
      total_usage: cpu?.total ?? 0,
      ...(cpu?.perCpu === undefined ? {} : { percpu_usage: cpu.perCpu }),
      usage_in_kernelmode: cpu?.kernel ?? 0,
      usage_in_usermode: cpu?.user ?? 0,
    },
    ...(sample === undefined
      ? {}
      : { system_cpu_usage: sample.hostCpu.total, online_cpus: sample.hostCpu.online }),
    throttling_data: {
      periods: cpu?.periods ?? 0,
      throttled_periods: cpu?.throttledPeriods ?? 0,
      throttled_time: cpu?.throttledTime ?? 0,
    },
  };
}

function encodeMemory(sample: StatsSample | undefined): MemoryStats {
  if (sample === undefined) return {};
  const { usage, maxUsage, failures, stats } = sample.cgroup.memory;
  return {
    usage,
    ...(maxUsage === undefined ? {} : { max_usage: maxUsage }),
    stats: Object.fromEntries(Object.entries(stats).map(([name, value]) => [name, exact(value)])),
    ...(failures === 0 ? {} : { failcnt: failures }),
    limit: sample.memoryLimit,
  };
}

/** All digits of a number that JavaScript can't hold. */
function exact(value: Counter): number {
  if (typeof value === 'number') return value;
  const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => number };
  return rawJSON(value.toString());
}

function encodeBlockIo(sample: StatsSample | undefined): BlkioStats {
  const cgroup = sample?.cgroup;
  const rest = cgroup?.isV1 === true ? [] : null;
  return {
    io_service_bytes_recursive: cgroup === undefined ? null : cgroup.ioBytes.map(encodeEntry),
    io_serviced_recursive: cgroup?.isV1 === true ? cgroup.ioOperations.map(encodeEntry) : null,
    io_queue_recursive: rest,
    io_service_time_recursive: rest,
    io_wait_time_recursive: rest,
    io_merged_recursive: rest,
    io_time_recursive: rest,
    sectors_recursive: rest,
  };
}

function encodeEntry({ major, minor, operation, value }: BlockIoEntry): BlkioStatEntry {
  return { major, minor, op: operation, value };
}

function encodeInterface(counters: InterfaceCounters): NetworkStats {
  return {
    rx_bytes: counters.rxBytes,
    rx_packets: counters.rxPackets,
    rx_errors: counters.rxErrors,
    rx_dropped: counters.rxDropped,
    tx_bytes: counters.txBytes,
    tx_packets: counters.txPackets,
    tx_errors: counters.txErrors,
    tx_dropped: counters.txDropped,
  };
}
