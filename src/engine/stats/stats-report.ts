/** What a container used at one moment. */
import type { CgroupStats } from '../../host/cgroup-stats.ts';
import type { HostCpu, InterfaceCounters } from '../../host/host-counters.ts';

export interface StatsSample {
  /** Milliseconds since the epoch, with fractions. */
  readAt: number;
  cgroup: CgroupStats;
  hostCpu: HostCpu;
  /** Bytes: the container's limit, or all that the host has. */
  memoryLimit: number;
  /** Undefined where the container has no network of its own. */
  interfaces: ReadonlyMap<string, InterfaceCounters> | undefined;
}

export interface StatsReport {
  id: string;
  name: string;
  /** Undefined for a container that does not run. */
  sample: StatsSample | undefined;
  /** The one before, a second ago. */
  previous: StatsSample | undefined;
}
