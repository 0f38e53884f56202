/** What a container may reach (`--egress`, or the annotation `gantry.egress`): read, checked, and handed to its networks. */
import { EngineError } from '../errors/engine-error.ts';
import { parseEgress } from '../network/egress-policy.ts';
import type { EgressRefusal } from '../network/egress-reports.ts';
import { parseExtraHost } from '../network/hosts-file.ts';
import type { Bridge, EndpointEgress } from '../network/network-types.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import type { ContainerRecord, HostConfig } from './model.ts';
import { networkKind } from './network-mode.ts';
import { askedServers, isLoopback } from './networks-naming.ts';
import { findBridge, networksOf } from './networks-of-container.ts';

/** An annotation, since Docker's command line and Compose can give it, and inspections show it. */
export const egressAnnotation = 'gantry.egress';
const ownPrefix = /^gantry\./i;
const riskyCapabilities = new Set(['ALL', 'NET_ADMIN', 'NET_RAW']);
const hint = 'put it on bridge networks, or leave out --egress';

type EgressEngine = Pick<Engine, 'networks' | 'bridge' | 'config' | 'id'>;
type EgressRecord = Pick<ContainerRecord, 'config' | 'hostConfig' | 'endpointConfigs'>;

export function isGuarded({ hostConfig }: Pick<ContainerRecord, 'hostConfig'>): boolean {
  return hostConfig.annotations[egressAnnotation] !== undefined;
}

/** Returns warnings. EngineErrors: `invalid-argument` for rules that can't be read and networks that can't be guarded, `failed-precondition` for the host. */
export function validateEgress(engine: EgressEngine, record: EgressRecord): string[] {
  refuseUnknown(record.hostConfig);
  const text = record.hostConfig.annotations[egressAnnotation];
  if (text === undefined) return [];
  parseEgress(text);
  requireGuardedMode(engine, record);
  requireNftables(engine);
  for (const name of Object.keys(networksOf(record))) {
    const bridge = findBridge(engine, name);
    if (bridge !== undefined) requireGuardable(engine, record, bridge);
  }
  return warningsOf(record.hostConfig);
}

/** A rule with a slip of the pen in its name would be none. */
function refuseUnknown({ annotations }: HostConfig): void {
  const unknown = Object.keys(annotations).find((key) => ownPrefix.test(key) && key !== egressAnnotation);
  if (unknown === undefined) return;
  throw new EngineError('invalid-argument', `unknown annotation ${JSON.stringify(unknown)}`, {
    hint: `of gantry.* there is only ${egressAnnotation}`,
  });
}

/** EngineError `invalid-argument` where a container with rules is in no network of its own: nothing would hold it to them there. */
export function requireGuardedMode(
  engine: Pick<Engine, 'config'>,
  record: Pick<ContainerRecord, 'config' | 'hostConfig'>,
): void {
  if (!isGuarded(record)) return;
  const kind = record.config.networkDisabled ? 'none' : networkKind(engine, record.hostConfig.networkMode);
  if (kind === 'bridge') return;
  const why = {
    host: "in the host's own network",
    none: 'without a network',
    container: "in another container's network",
  };
  throw new EngineError('invalid-argument', `egress rules can't be applied ${why[kind]}`, { hint });
}

/** EngineErrors where this network can't hold a container to its rules. Nothing for one without rules. */
export function requireGuardable(
  engine: Pick<Engine, 'networks'>,
  record: Pick<ContainerRecord, 'hostConfig'>,
  { description: { name, driver }, gateways, namesInside }: Bridge,
): void {
  if (!isGuarded(record)) return;
  requireNftables(engine);
  if (driver !== 'bridge')
    throw new EngineError(
      'invalid-argument',
      `egress rules can't be applied on the network ${name}: its containers send by ${driver}, past the host's firewall`,
      { hint },
    );
  if (namesInside || gateways.length === 0)
    throw new EngineError(
      'invalid-argument',
      `egress rules can't be applied on the network ${name}: the host has no address on it, so nobody answers names by the rules`,
      { hint: 'use a network with a gateway on the host, or leave out --egress' },
    );
}

function requireNftables({ networks }: Pick<Engine, 'networks'>): void {
  if (networks.firewallBackend !== 'iptables') return;
  throw new EngineError(
    'failed-precondition',
    "egress rules need nftables, and this daemon's firewall is iptables",
    {
      hint: 'install nft and leave out "firewall-backend" of daemon.json (or set it to nftables), then start the daemon anew',
    },
  );
}

function warningsOf({ privileged, capAdd }: HostConfig): string[] {
  if (privileged)
    return ["The egress rules don't hold a privileged container: it can change the host's firewall."];
  const risky = capAdd
    .map((name) => name.toUpperCase().replace(/^CAP_/, ''))
    .filter((name) => riskyCapabilities.has(name));
  if (risky.length === 0) return [];
  return [
    `With ${risky.join(', ')} the container can make packets of any shape: the egress rules still bound what is routed, but it may mislead its neighbours on the network.`,
  ];
}

/** What a network is told of a container with rules; undefined for one without. EngineErrors as from `requireGuardable`. */
export function egressOf(
  engine: Pick<Engine, 'networks' | 'bridge' | 'config'>,
  record: ContainerRecord,
  bridge: Bridge,
): EndpointEgress | undefined {
  const allow = record.hostConfig.annotations[egressAnnotation];
  if (allow === undefined) return undefined;
  requireGuardable(engine, record, bridge);
  const servers = askedServers(engine, record).filter((server) => !isLoopback(server));
  return { allow, hosts: hostsOf(engine, record), servers };
}

/** Addresses that the user gave names. Those of links are not among them: the next container to get such an address would be reached too. */
function hostsOf(
  { bridge }: Pick<Engine, 'bridge'>,
  { hostConfig }: ContainerRecord,
): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, address } of hostConfig.extraHosts.map(parseExtraHost)) {
    const key = name.toLowerCase();
    const addresses = address === 'host-gateway' ? bridge.gateways : [address];
    found.set(key, [...(found.get(key) ?? []), ...addresses]);
  }
  return Object.fromEntries(found);
}

/** Event `egress-refused`. The container's own name is `name`, as in all its events; what it wanted to reach is `host`. */
export function publishRefusal(
  { containers, events }: Pick<Engine, 'containers' | 'events'>,
  { containerId, destination, port, protocol, name }: EgressRefusal,
): void {
  const container = containers.find(containerId);
  if (container === undefined) return;
  publishContainerEvent(events, container.record, 'egress-refused', {
    protocol,
    ...(destination === '' ? {} : { destination }),
    ...(port === undefined ? {} : { port: String(port) }),
    ...(name === '' ? {} : { host: name }),
  });
}
