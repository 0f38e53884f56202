/**
 * The machines around the host of the matrix, each a network namespace: a neighbour on the host's own network, and behind it, as its router, a
 * client. Both route all they do not know to the host, the containers' addresses and 127.0.0.1 included.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export const addresses = {
  host: { 4: '198.18.60.1', 6: 'fd60:1::1' },
  second: { 4: '198.18.60.3', 6: 'fd60:1::3' },
  neighbour: { 4: '198.18.60.2', 6: 'fd60:1::2' },
  client: { 4: '198.18.61.2', 6: 'fd60:2::2' },
} as const;

export const lanInterface = 'lan0';

export interface Wire {
  host: string;
  neighbour: string;
  client: string;
  remove(): void;
}

function inside(netns: string, commands: readonly string[]): void {
  for (const command of commands) execFileSync('ip', ['-n', netns, ...command.split(' ')]);
}

function set(netns: string, ...values: readonly string[]): void {
  execFileSync('ip', ['netns', 'exec', netns, 'sysctl', '-q', '-w', ...values]);
}

/** Hundreds of refusals at once, each of which is to be told: without the kernel's limits for ICMP (ip-sysctl.rst). Some kernels have them for all namespaces. */
function tellRefusals(netns: string): void {
  set(netns, 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0');
  for (const value of ['icmp_msgs_per_sec=100000', 'icmp_msgs_burst=10000'])
    spawnSync('ip', ['netns', 'exec', netns, 'sysctl', '-q', '-w', `net.ipv4.${value}`], { stdio: 'ignore' });
}

/** Without 127.0.0.1 on its own loopback, packets to it leave by the default route. */
function routeLoopback(netns: string, ...interfaces: readonly string[]): void {
  inside(netns, ['addr del 127.0.0.1/8 dev lo']);
  set(netns, ...['all', ...interfaces].map((name) => `net.ipv4.conf.${name}.route_localnet=1`));
}

/** `host` exists already where an engine brought it. */
export function makeWire(host?: string): Wire {
  const tag = randomBytes(3).toString('hex');
  const own = [`gmn${tag}`, `gmc${tag}`, ...(host === undefined ? [`gmh${tag}`] : [])];
  for (const netns of own) execFileSync('ip', ['netns', 'add', netns]);
  const [neighbour = '', client = '', made = ''] = own;
  const wire = { host: host ?? made, neighbour, client };
  if (host === undefined) set(made, 'net.ipv4.ip_forward=0');
  const remove = (): void => {
    for (const netns of own) spawnSync('ip', ['netns', 'del', netns]);
  };
  try {
    connect(wire);
  } catch (error) {
    remove();
    throw error;
  }
  return { ...wire, remove };
}

function connect({ host, neighbour, client }: Omit<Wire, 'remove'>): void {
  for (const netns of [host, neighbour, client]) {
    inside(netns, ['link set lo up']);
    tellRefusals(netns);
  }
  inside(host, [
    `link add ${lanInterface} type veth peer name eth0 netns ${neighbour}`,
    ...[addresses.host, addresses.second].flatMap((pair) => [
      `addr add ${pair[4]}/24 dev ${lanInterface}`,
      `addr add ${pair[6]}/64 dev ${lanInterface} nodad`,
    ]),
    `link set ${lanInterface} up`,
    `route add default via ${addresses.neighbour[4]}`,
    `-6 route add default via ${addresses.neighbour[6]}`,
  ]);
  inside(neighbour, [
    `addr add ${addresses.neighbour[4]}/24 dev eth0`,
    `addr add ${addresses.neighbour[6]}/64 dev eth0 nodad`,
    `link add eth1 type veth peer name eth0 netns ${client}`,
    'addr add 198.18.61.1/24 dev eth1',
    'addr add fd60:2::1/64 dev eth1 nodad',
    'link set eth0 up',
    'link set eth1 up',
    `route add default via ${addresses.host[4]}`,
    `-6 route add default via ${addresses.host[6]}`,
  ]);
  inside(client, [
    `addr add ${addresses.client[4]}/24 dev eth0`,
    `addr add ${addresses.client[6]}/64 dev eth0 nodad`,
    'link set eth0 up',
    'route add default via 198.18.61.1',
    '-6 route add default via fd60:2::1',
  ]);
  set(neighbour, 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  routeLoopback(neighbour, 'eth0', 'eth1');
  routeLoopback(client, 'eth0');
}
