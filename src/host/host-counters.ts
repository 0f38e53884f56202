/** Counters of the host and of a network namespace, from /proc. */
import { readFile } from 'node:fs/promises';

export interface HostCpu {
  /** Nanoseconds that all processors have spent in any state. */
  total: number;
  /** Processors that are online. */
  online: number;
}

/** /proc/stat (proc_stat(5)): user, nice, system, idle, iowait, irq, softirq and steal. */
export async function readHostCpu(): Promise<HostCpu> {
  return parseHostCpu(await readFile('/proc/stat', 'utf8'));
}

export function parseHostCpu(text: string): HostCpu {
  const ticks = /^cpu +(.*)$/m.exec(text)?.[1]?.split(' ').slice(0, 8).map(Number) ?? [];
  const online = text.match(/^cpu\d/gm)?.length ?? 0;
  return { total: ticks.reduce((sum, one) => sum + one, 0) * 10_000_000, online };
}

export interface InterfaceCounters {
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

/** By name, those of the network namespace that a process is in, but for the loopback. Empty where the process is gone. */
export async function readInterfaces(pid: number): Promise<Map<string, InterfaceCounters>> {
  return parseInterfaces(await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => ''));
}

/** proc_pid_net(5), `dev`: eight columns of what was received, then eight of what was sent. */
export function parseInterfaces(text: string): Map<string, InterfaceCounters> {
  const found = new Map<string, InterfaceCounters>();
  for (const [, name = '', columns = ''] of text.matchAll(/^\s*([^\s:|]+):\s*(.*)$/gm)) {
    if (name === 'lo') continue;
    const values = columns.split(/\s+/).map(Number);
    const at = (index: number): number => values[index] ?? 0;
    found.set(name, {
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    });
  }
  return found;
}
