/** What of the host's kernel matters to the bridge and doesn't change while it runs. */
import { readSysctl } from '../host/sysctl.ts';
import type { PortRange } from './host-ports.ts';

export interface HostKernel {
  /** Where ports are taken from that nobody named. */
  ephemeralPorts: PortRange;
  hasIpv6: boolean;
}

/** Docker's own range where the kernel's can't be read. */
const fallbackPorts: PortRange = { first: 49153, last: 65535 };

export async function readHostKernel(): Promise<HostKernel> {
  const range = (await readSysctl('net/ipv4/ip_local_port_range')) ?? '';
  const [first = 0, last = 0] = range.split(/\s+/).map(Number);
  return {
    ephemeralPorts: first > 0 && last > first ? { first, last } : fallbackPorts,
    hasIpv6: (await readSysctl('net/ipv6/conf/default/disable_ipv6')) !== undefined,
  };
}
