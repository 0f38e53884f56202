/** Puts the networks together: from the daemon's configuration, the record, and what the host is like. */
import type { IptablesVariant } from '../host/iptables.ts';
import type { Launcher } from '../host/launcher-types.ts';
import { NamespaceSockets } from '../host/namespace-sockets.ts';
import type { Collection } from '../util/collection.ts';
import { type BridgeConfig, describeBridge, planBridge } from './bridge-config.ts';
import { BridgeNetwork } from './bridge-network.ts';
import { EgressGuards } from './egress-guards.ts';
import type { EgressRefusal } from './egress-reports.ts';
import { EndpointStore } from './endpoint-store.ts';
import { openFirewall } from './firewall-choice.ts';
import { type FirewallName, requireInterfaceName } from './firewall-types.ts';
import { readHostKernel } from './host-kernel.ts';
import { type HostNetwork, readHostNetwork } from './host-network.ts';
import { HostPorts } from './host-ports.ts';
import { parseSubnet } from './ip-address.ts';
import { HostResolvers } from './names/host-resolvers.ts';
import { InsideNames } from './names/inside-names.ts';
import { NameForwarder } from './names/name-forwarder.ts';
import { NameService } from './names/name-service.ts';
import { type NetworkSetParts, Networks } from './network-set.ts';
import type { Endpoint, NetworkDescription } from './network-types.ts';
import { checkPool } from './subnet-choice.ts';

export interface NetworksOptions {
  launcher: Pick<Launcher, 'run' | 'netlink'>;
  endpoints: Collection<Endpoint>;
  networks: Collection<NetworkDescription>;
  /** The default bridge; undefined for none. What it has of `nftTable`, `mtu`, `ipv6`, `defaultAddress` and `pools` goes for all. */
  config: BridgeConfig;
  /** Is there a default bridge? true unless told. */
  hasDefaultBridge?: boolean;
  /** By what the rules of the firewall are written; nftables where it can be used, else iptables, unless told. */
  firewallBackend?: FirewallName;
  /** Which iptables are tried, in order; all unless told. */
  iptablesVariants?: readonly IptablesVariant[];
  /** How often somebody else's changes of the firewall are looked for; 1,000 milliseconds unless told. */
  watchMs?: number;
  /** Told what was refused to containers with egress rules. */
  refused?: (refusal: EgressRefusal) => void;
  /** Told what works less well than it should, and how to mend it. */
  warn?: (message: string, hint: string) => void;
}

/** Reads the host's routes and the record, and settles the subnets. Names are answered from now on; all else `reconcile` does. */
export async function openNetworks(options: NetworksOptions): Promise<Networks> {
  const { config, launcher, warn = () => undefined } = options;
  requireInterfaceName(config.name);
  for (const pool of config.pools ?? []) checkPool(pool);
  const firewall = await openFirewall({
    launcher,
    table: config.nftTable,
    wanted: options.firewallBackend,
    variants: options.iptablesVariants,
    warn,
  });
  const names = new NameService({
    firewall,
    warn,
    resolvers: new HostResolvers(),
    forwarder: new NameForwarder(),
    inside: new InsideNames(launcher, new NamespaceSockets()),
  });
  const host = await readHostKernel();
  const egress = new EgressGuards({
    launcher,
    warn,
    nftTable: config.nftTable,
    resolvers: new HostResolvers(),
    forwarder: new NameForwarder(),
    known: (networkId, address, query) => names.known(networkId, address, query),
    refused: options.refused ?? (() => undefined),
  });
  const parts: NetworkSetParts = {
    launcher,
    firewall,
    names,
    egress,
    host,
    ports: new HostPorts(host.ephemeralPorts, (port) => names.makeRoom(port)),
    record: options.networks,
    endpoints: new EndpointStore(options.endpoints),
    defaults: {
      nftTable: config.nftTable,
      mtu: config.mtu,
      defaultAddress: config.defaultAddress,
      ipv6: config.ipv6 === true,
      pools: config.pools,
    },
    warn,
    watchMs: options.watchMs ?? 1000,
  };
  const networks = new Networks(parts, defaultBridge(options, parts, await readHostNetwork(launcher)));
  await networks.openNames();
  return networks;
}

function defaultBridge(
  { config, hasDefaultBridge = true, networks }: NetworksOptions,
  { launcher, firewall, ports, host, endpoints, egress }: NetworkSetParts,
  around: HostNetwork,
): BridgeNetwork | undefined {
  if (!hasDefaultBridge) return undefined;
  const recorded = endpoints.recorded(undefined);
  const taken = networks.entries().flatMap(([, { ipam }]) => ipam.pools.map(({ subnet }) => subnet));
  const plan = planBridge(config, withRoutes(around, taken), recorded);
  return new BridgeNetwork(
    { launcher, firewall, ports, host, egress },
    { config, plan, description: describeBridge(config, plan), record: endpoints.part(undefined), recorded },
  );
}

/** The subnets of networks whose bridges are not there (the host was started anew) are in use all the same. */
function withRoutes(host: HostNetwork, subnets: readonly string[]): HostNetwork {
  const routes = subnets.map((subnet) => ({ ...parseSubnet(subnet), outInterface: undefined }));
  return { ...host, routes: [...host.routes, ...routes] };
}
