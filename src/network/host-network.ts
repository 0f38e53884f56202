/** The host's links, addresses and routes, read and changed over rtnetlink. */
import { getSystemErrorName } from 'node:util';
import { EngineError } from '../errors/engine-error.ts';
import type { Launcher } from '../host/launcher-types.ts';
import { parseAddress, type Subnet } from './ip-address.ts';
import { deleteLink, dumpAddresses, dumpLinks, dumpRoutes } from './rtnetlink.ts';
import {
  type AssignedAddress,
  type Link,
  parseAddresses,
  parseLinks,
  parseRoutes,
} from './rtnetlink-replies.ts';

export type Netlink = Pick<Launcher, 'netlink'>;

/** What is on the host now. */
export interface HostNetwork {
  links: Link[];
  addresses: AssignedAddress[];
  routes: Array<Subnet & { outInterface: number | undefined }>;
}

const noSuchDevice = 19;

export async function readHostNetwork(netlink: Netlink): Promise<HostNetwork> {
  const [links, addresses, routes] = await sendAll(netlink, 'read the host’s network', [
    dumpLinks(),
    dumpAddresses(),
    dumpRoutes(),
  ]);
  const none = Buffer.alloc(0);
  return {
    links: parseLinks(links ?? none),
    addresses: parseAddresses(addresses ?? none),
    routes: parseRoutes(routes ?? none),
  };
}

/** Sends the messages; EngineError `internal` saying which errno stopped `what`. */
export async function sendAll(
  netlink: Netlink,
  what: string,
  messages: readonly Uint8Array[],
): Promise<Buffer[]> {
  const { replies, failure } = await netlink.netlink(messages);
  if (failure === undefined) return replies;
  throw new EngineError(
    'internal',
    `cannot ${what}: ${errnoName(failure.errno)} at step ${failure.index + 1}`,
    {
      hint: 'check that gantryd runs as root and that the kernel has the bridge and veth modules',
      details: { errno: failure.errno },
    },
  );
}

/** Deletes links by name; those that are gone already don't count. */
export async function deleteLinks(netlink: Netlink, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { failure } = await netlink.netlink([deleteLink(name)]);
    if (failure !== undefined && failure.errno !== noSuchDevice) {
      throw new EngineError('internal', `cannot delete the interface ${name}: ${errnoName(failure.errno)}`);
    }
  }
}

/** All subnets that the host uses by route or address, those of interface `except` left out. */
export function usedSubnets(host: HostNetwork, except: number | undefined): Subnet[] {
  const routes = host.routes.filter((route) => except === undefined || route.outInterface !== except);
  const addresses = host.addresses
    .filter((address) => address.index !== except)
    .map(({ address, prefixLength }) => ({ base: parseAddress(address), prefixLength }));
  return [...routes, ...addresses];
}

function errnoName(errno: number): string {
  return getSystemErrorName(-errno);
}
