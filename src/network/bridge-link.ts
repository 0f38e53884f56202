/** Makes the bridge's interface and the kernel parameters what they should be, and takes away what is left of containers that are gone. */
import { readdir } from 'node:fs/promises';
import { EngineError } from '../errors/engine-error.ts';
import { readFact } from '../host/kernel.ts';
import { ensureSysctl, readSysctl } from '../host/sysctl.ts';
import { type BridgeConfig, type BridgePlan, hostSubnets } from './bridge-config.ts';
import { deleteLinks, type HostNetwork, type Netlink, readHostNetwork, sendAll } from './host-network.ts';
import { formatAddress, parseAddress } from './ip-address.ts';
import type { Endpoint } from './network-types.ts';
import {
  addAddress,
  configureBridgeLink,
  createBridgeLink,
  deleteAddress,
  enslaveLink,
  raiseBridgePort,
  setAlias,
} from './rtnetlink.ts';
import type { Link } from './rtnetlink-replies.ts';
import type { BridgeSubnet } from './subnet-choice.ts';

/** Names that `connect` gives to the host's ends. */
const hostInterfaceName = /^veth[0-9a-f]{7}$/;

/** Can nftables' IP hooks see what the bridge forwards by itself (the br_netfilter module)? */
export function seesBridgedPackets(): boolean {
  return readFact('/proc/sys/net/bridge/bridge-nf-call-iptables') !== undefined;
}

/** Text on the link by which a bridge is known as Gantry's own making. */
function aliasOf(config: BridgeConfig): string {
  return `gantry:${config.nftTable}`;
}

/** Bridges that Gantry made with this table, and that are not among `known`: of networks that a crash cut short. */
export function strayBridges(nftTable: string, host: HostNetwork, known: ReadonlySet<string>): string[] {
  return host.links
    .filter((link) => link.alias === `gantry:${nftTable}` && !known.has(link.name))
    .map((link) => link.name);
}

/** The bridge as it is now, if Gantry made it. */
export function ownBridge(config: BridgeConfig, host: HostNetwork): Link | undefined {
  return host.links.find((link) => link.name === config.name && link.alias === aliasOf(config));
}

/** Makes or repairs the bridge with its addresses and kernel parameters. `known` spares a look at the host. Returns its index. */
export async function ensureBridge(
  netlink: Netlink,
  config: BridgeConfig,
  plan: BridgePlan,
  known?: HostNetwork,
): Promise<number> {
  const before = known ?? (await readHostNetwork(netlink));
  const isNew = !before.links.some((link) => link.name === config.name);
  if (isNew) {
    await sendAll(netlink, `make the bridge ${config.name}`, [
      createBridgeLink({ name: config.name, mac: plan.mac, mtu: plan.mtu }),
      setAlias(config.name, aliasOf(config)),
    ]);
  }
  // Before the first address: an IPv6 address can't be added where IPv6 is off.
  await ensureBridgeSysctls(config, plan);
  await sendAll(netlink, `configure the bridge ${config.name}`, [
    configureBridgeLink({ name: config.name, mtu: plan.mtu, filterBridged: config.icc === false }),
  ]);
  const host = isNew ? await readHostNetwork(netlink) : before;
  const bridge = host.links.find((link) => link.name === config.name);
  if (bridge === undefined) throw new EngineError('internal', `the bridge ${config.name} is gone again`);
  await ensureAddresses(
    netlink,
    host,
    bridge,
    hostSubnets(config, plan),
    ownBridge(config, host) !== undefined,
  );
  return bridge.index;
}

async function ensureAddresses(
  netlink: Netlink,
  host: HostNetwork,
  bridge: Link,
  subnets: readonly BridgeSubnet[],
  own: boolean,
): Promise<void> {
  const wanted = subnets.map(({ gateway, subnet }) => ({
    index: bridge.index,
    address: gateway,
    prefixLength: subnet.prefixLength,
  }));
  const present = host.addresses.filter(
    ({ index, address }) => index === bridge.index && !isLinkLocal(address),
  );
  const same = (a: { address: string; prefixLength: number }, b: typeof a): boolean =>
    a.address === b.address && a.prefixLength === b.prefixLength;
  const surplus = own ? present.filter((address) => !wanted.some((other) => same(address, other))) : [];
  const missing = wanted.filter((address) => !present.some((other) => same(address, other)));
  await sendAll(netlink, `set the addresses of ${bridge.name}`, [
    ...surplus.map((address) => deleteAddress(address)),
    ...missing.map((address) => addAddress(address)),
  ]);
}

function isLinkLocal(address: string): boolean {
  return formatAddress(parseAddress(address)).startsWith('fe80:');
}

/** Forwarding, and what makes 127.0.0.1:PORT of the host reach a container (nft-table.ts holds the guard that this needs). */
async function ensureBridgeSysctls(config: BridgeConfig, plan: BridgePlan): Promise<void> {
  if (plan.ipv4 !== undefined) await ensureSysctl('net/ipv4/ip_forward', '1');
  await ensureSysctl(`net/ipv4/conf/${config.name}/route_localnet`, '1');
  if ((await readSysctl('net/ipv6/conf/all/forwarding')) === undefined) {
    if (plan.ipv6 === undefined) return;
    throw new EngineError('failed-precondition', 'the kernel has no IPv6', {
      hint: 'make the network, or start gantryd, without IPv6',
    });
  }
  await ensureSysctl(`net/ipv6/conf/${config.name}/accept_ra`, '0');
  if (plan.ipv6 === undefined) return;
  if (config.modes?.ipv6 === 'isolated') {
    // Not even a link-local address: the host is nobody there.
    await ensureSysctl(`net/ipv6/conf/${config.name}/disable_ipv6`, '1');
    return;
  }
  // Without a link-local address that is known to be unique, which takes up to two seconds, the host asks for no neighbour that it forwards to.
  await ensureSysctl(`net/ipv6/conf/${config.name}/accept_dad`, '0');
  await ensureSysctl(`net/ipv6/conf/${config.name}/disable_ipv6`, '0');
  await keepRouterAdvertisements();
  await ensureSysctl('net/ipv6/conf/all/forwarding', '1');
}

/** A host that forwards IPv6 ignores router advertisements unless accept_ra is 2 (ip-sysctl.rst): its own default route would expire. */
async function keepRouterAdvertisements(): Promise<void> {
  if ((await readSysctl('net/ipv6/conf/all/forwarding')) === '1') return;
  for (const name of await readdir('/proc/sys/net/ipv6/conf')) {
    if (name === 'all' || name === 'lo') continue;
    if ((await readSysctl(`net/ipv6/conf/${name}/accept_ra`)) === '1') {
      await ensureSysctl(`net/ipv6/conf/${name}/accept_ra`, '2');
    }
  }
}

/** Deletes host ends of containers that are gone; puts those of living ones back on a bridge that was made anew. */
export async function settlePorts(
  netlink: Netlink,
  config: BridgeConfig,
  bridgeIndex: number,
  live: readonly Endpoint[],
  isolated: boolean,
  before?: HostNetwork,
): Promise<void> {
  const host = before ?? (await readHostNetwork(netlink));
  const known = new Map(live.map((endpoint) => [endpoint.hostInterface, endpoint]));
  const stale = host.links.filter(
    (link) => link.master === bridgeIndex && hostInterfaceName.test(link.name) && !known.has(link.name),
  );
  if (ownBridge(config, host) !== undefined)
    await deleteLinks(
      netlink,
      stale.map((link) => link.name),
    );
  for (const link of host.links) {
    const endpoint = known.get(link.name);
    if (endpoint === undefined || link.master === bridgeIndex) continue;
    await sendAll(netlink, `put ${link.name} on ${config.name}`, [
      enslaveLink(link.name, bridgeIndex),
      raiseBridgePort(link.name, { hairpin: endpoint.ports.length > 0, isolated }),
    ]);
  }
}
