/** Ports as one text: `0.0.0.0:8080->80/tcp, 90-92/udp`. */
import type { PortSummary } from '../../wire/container.ts';

interface Group {
  address: string;
  type: string;
  first: number;
  last: number;
}

/** Ranges of ports that are published under their own number, or not at all, are drawn together. */
export function displayPorts(ports: readonly PortSummary[]): string {
  const finished: string[] = [];
  const mapped: string[] = [];
  const open = new Map<string, Group>();
  for (const port of [...ports].sort(comparePorts)) {
    const address = port.IP ?? '';
    if (address !== '' && port.PublicPort !== port.PrivatePort) {
      mapped.push(`${joinHostPort(address, String(port.PublicPort ?? 0))}->${port.PrivatePort}/${port.Type}`);
      continue;
    }
    const key = `${address}/${port.Type}`;
    const group = open.get(key);
    if (group !== undefined && group.last + 1 === port.PrivatePort) {
      group.last = port.PrivatePort;
      continue;
    }
    if (group !== undefined) finished.push(renderGroup(group));
    open.set(key, { address, type: port.Type, first: port.PrivatePort, last: port.PrivatePort });
  }
  return [...finished, ...[...open.values()].map(renderGroup), ...mapped].join(', ');
}

function renderGroup({ address, type, first, last }: Group): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return `${address === '' ? '' : `${joinHostPort(address, range)}->`}${range}/${type}`;
}

/** `[::]:80` for IPv6. */
export function joinHostPort(address: string, port: string): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function comparePorts(left: PortSummary, right: PortSummary): number {
  return (
    left.PrivatePort - right.PrivatePort ||
    compareText(left.IP ?? '', right.IP ?? '') ||
    (left.PublicPort ?? 0) - (right.PublicPort ?? 0) ||
    compareText(left.Type, right.Type)
  );
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
