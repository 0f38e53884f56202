/** The host's interface that a macvlan or ipvlan network stands on: found, or made where it is a VLAN, or one that leads nowhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import { EngineError } from '../errors/engine-error.ts';
import { deleteLinks, type HostNetwork, type Netlink, readHostNetwork } from './host-network.ts';
import { createBlindLink, createUpperLink, createVlanLink, raiseNamedLink } from './macvlan-messages.ts';
import { type LinkMode, type ParentOptions, parseVlanName } from './macvlan-options.ts';
import { setAlias } from './rtnetlink.ts';
import type { Link } from './rtnetlink-replies.ts';

/** EOPNOTSUPP: no such kind of link; EBUSY, EINVAL, EADDRINUSE (the MAC) of errno(3). */
const errno = { unsupported: 95, busy: 16, invalid: 22, inUse: 98 } as const;
const inTheWay: ReadonlySet<number> = new Set([errno.busy, errno.invalid, errno.inUse]);

/** Finds the parent, or makes it; it is up when this resolves if Gantry made it. `alias` is by what Gantry knows its own links. */
export async function ensureParent(
  netlink: Netlink,
  options: ParentOptions,
  alias: string,
  known?: HostNetwork,
): Promise<Link> {
  const { links } = known ?? (await readHostNetwork(netlink));
  const present = links.find(({ name }) => name === options.parent);
  if (present === undefined) {
    await make(netlink, options, links);
    await send(netlink, `mark ${options.parent}`, [setAlias(options.parent, alias)]);
  } else if (present.up || present.alias !== alias) return present;
  await send(netlink, `bring ${options.parent} up`, [raiseNamedLink(options.parent)]);
  const made = (await readHostNetwork(netlink)).links.find(({ name }) => name === options.parent);
  if (made === undefined) throw new EngineError('internal', `the interface ${options.parent} is gone again`);
  return made;
}

async function make(
  netlink: Netlink,
  { parent, isOwnParent }: ParentOptions,
  links: readonly Link[],
): Promise<void> {
  if (isOwnParent) return makeBlind(netlink, parent);
  const { lower, vlan } = parseVlanName(parent);
  const below = links.find(({ name }) => name === lower);
  if (below === undefined)
    throw new EngineError('invalid-argument', `-o parent interface was not found on the host: ${lower}`, {
      hint: 'name an interface that "ip link" lists',
    });
  const message = createVlanLink({ name: parent, lower: below.index, id: vlan });
  const { failure } = await netlink.netlink([message]);
  if (failure === undefined) return;
  if (failure.errno === errno.unsupported) throw missingModule('VLANs', '8021q');
  throw new EngineError('internal', `failed to create ${parent} vlan link: ${nameOf(failure.errno)}`);
}

async function makeBlind(netlink: Netlink, name: string): Promise<void> {
  const { failure } = await netlink.netlink([createBlindLink(name, 'dummy')]);
  if (failure === undefined) return;
  if (failure.errno !== errno.unsupported)
    throw new EngineError('internal', `cannot make the interface ${name}: ${nameOf(failure.errno)}`);
  await send(netlink, `make the interface ${name}`, [createBlindLink(name, 'bridge')]);
}

/** Takes the parent away if Gantry made it. */
export async function dropParent(netlink: Netlink, parent: string, alias: string): Promise<void> {
  const { links } = await readHostNetwork(netlink);
  const own = links.some((link) => link.name === parent && link.alias === alias);
  if (own) await deleteLinks(netlink, [parent]);
}

export interface Trial {
  parent: Link;
  link: LinkMode;
  /** Undefined for one that the kernel chooses. */
  mac: string | undefined;
  networkId: string;
  /** So long it is tried again where something is in the way that may be about to go. */
  patienceMs: number;
}

/** Makes such an interface and takes it away again, so that a kernel or a parent that can't do it is known before a container needs it. */
export async function tryLink(netlink: Netlink, trial: Trial): Promise<void> {
  const { parent, link, mac, networkId } = trial;
  const name = `gt${networkId.slice(0, 12)}`;
  const base = { name, index: 0, mac, mtu: parent.mtu, parent: parent.index, link };
  const messages = [createUpperLink({ ...base, namespacePid: process.pid }), raiseNamedLink(name)];
  const until = performance.now() + trial.patienceMs;
  for (let waitMs = 5; ; waitMs = Math.min(2 * waitMs, 100)) {
    const { failure } = await netlink.netlink(messages);
    if (failure?.index !== 0) await deleteLinks(netlink, [name]);
    if (failure === undefined) return;
    if (!inTheWay.has(failure.errno) || performance.now() > until)
      throw linkFailure(failure.errno, parent.name, link.driver);
    await sleep(waitMs);
  }
}

/** Why the kernel made no such interface. */
export function linkFailure(code: number, parent: string, driver: LinkMode['driver']): EngineError {
  if (code === errno.unsupported) return missingModule(`${driver} networks`, driver);
  const message = `failed to create the ${driver} port: ${nameOf(code)}`;
  const hints: Record<number, string> = {
    [errno.busy]: `${parent} is in use by another driver: it is a port of a bridge, a bond, or the parent of the other of macvlan and ipvlan`,
    [errno.invalid]: `${parent} can't be the parent of a ${driver} interface (one in passthru mode has it to itself): name another one`,
  };
  const hint = hints[code];
  return new EngineError('failed-precondition', message, {
    details: { errno: code, parent },
    ...(hint === undefined ? {} : { hint }),
  });
}

function missingModule(what: string, module: string): EngineError {
  return new EngineError(
    'failed-precondition',
    `the kernel can't do ${what}: the kernel module ${module} is missing`,
    { hint: `load it (modprobe ${module}), or use a kernel that has it` },
  );
}

async function send(netlink: Netlink, what: string, messages: readonly Buffer[]): Promise<void> {
  const { failure } = await netlink.netlink(messages);
  if (failure !== undefined) throw new EngineError('internal', `cannot ${what}: ${nameOf(failure.errno)}`);
}

function nameOf(code: number): string {
  return getSystemErrorName(-code);
}
