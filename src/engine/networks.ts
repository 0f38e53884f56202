/** The networks: the bridges, and `host` and `none`, which are always there. */
import { EngineError } from '../errors/engine-error.ts';
import type { Bridge, NetworkDescription } from '../network/network-types.ts';
import { builtinNetworkId, isBuiltinName } from './builtin-networks.ts';
import type { Engine } from './engine.ts';
import {
  booleanFilter,
  type Filters,
  filterValues,
  invalidFilter,
  matchesExactly,
  matchesLabels,
  patternFilter,
  validateFilters,
} from './filters.ts';
import { networkNameOf } from './networks-of-container.ts';
import { hasProcess } from './state.ts';

/** A container on a network. Addresses with their prefix lengths, '' for none. */
export interface NetworkMember {
  name: string;
  endpointId: string;
  macAddress: string;
  ipv4Address: string;
  ipv6Address: string;
}

export interface NetworkDetails extends NetworkDescription {
  /** By container ID: those that run on it now. */
  containers: Record<string, NetworkMember>;
}

type NetworkEngine = Pick<Engine, 'bridge' | 'networks' | 'containers' | 'id'>;

const known = new Set(['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);

/** EngineError `invalid-argument` for unknown filters. */
export function listNetworks(engine: NetworkEngine, filters: Filters): NetworkDetails[] {
  validateFilters(filters, known);
  const name = patternFilter(filters, 'name');
  const id = patternFilter(filters, 'id');
  const dangling = danglingFilter(filters);
  const type = filterValues(filters, 'type').find((value) => value !== 'builtin' && value !== 'custom');
  if (type !== undefined) throw invalidFilter(`type=${type}`, 'it must be builtin or custom');
  return allNetworks(engine).filter(
    (network) =>
      name(network.name) &&
      id(network.id) &&
      dangling(network) &&
      matchesExactly(filters, 'driver', network.driver) &&
      matchesExactly(filters, 'scope', 'local') &&
      matchesExactly(filters, 'type', isBuiltinName(network.name) ? 'builtin' : 'custom') &&
      matchesLabels(filterValues(filters, 'label'), network.labels),
  );
}

/** Those that are built in are never left over. */
function danglingFilter(filters: Filters): (network: NetworkDetails) => boolean {
  if (!filters.has('dangling')) return () => true;
  const wanted = booleanFilter(filters, 'dangling', false);
  return ({ name, containers }) => (!isBuiltinName(name) && Object.keys(containers).length === 0) === wanted;
}

/** By name, ID, or a beginning of an ID that fits only one. EngineError `not-found` "network X not found". */
export function inspectNetwork(engine: NetworkEngine, ref: string): NetworkDetails {
  const networks = allNetworks(engine);
  const exact = networks.find(({ name, id }) => name === ref || id === ref);
  if (exact !== undefined) return exact;
  const fitting = ref === '' ? [] : networks.filter(({ id }) => id.startsWith(ref));
  const [found] = fitting;
  if (fitting.length > 1) {
    throw new EngineError(
      'invalid-argument',
      `network ${ref} is ambiguous (${fitting.length} matches found based on ID prefix)`,
    );
  }
  if (found === undefined) {
    throw new EngineError('not-found', `network ${ref} not found`, {
      hint: 'list the networks there are with "network ls"',
    });
  }
  return found;
}

function allNetworks(engine: NetworkEngine): NetworkDetails[] {
  const bridges = engine.networks
    .list()
    .map((bridge) => ({ ...bridge.description, containers: bridgeMembers(engine, bridge) }));
  return [...bridges, builtinNetwork(engine, 'host', 'host'), builtinNetwork(engine, 'none', 'null')];
}

function bridgeMembers({ containers }: NetworkEngine, bridge: Bridge): Record<string, NetworkMember> {
  const members: Record<string, NetworkMember> = {};
  for (const endpoint of bridge.endpoints()) {
    const container = containers.find(endpoint.containerId);
    if (container === undefined || !hasProcess(container.state)) continue;
    members[endpoint.containerId] = {
      name: container.name,
      endpointId: endpoint.endpointId,
      macAddress: endpoint.macAddress,
      ipv4Address: withPrefix(endpoint.ipAddress, endpoint.prefixLength),
      ipv6Address: withPrefix(endpoint.ipv6Address, endpoint.ipv6PrefixLength),
    };
  }
  return members;
}

function withPrefix(address: string | undefined, length: number | undefined): string {
  return address === undefined || address === '' ? '' : `${address}/${length ?? 0}`;
}

function builtinNetwork(engine: NetworkEngine, name: string, driver: 'host' | 'null'): NetworkDetails {
  const id = builtinNetworkId(engine.id, name);
  const members = engine.containers
    .list()
    .filter(({ state, record }) => hasProcess(state) && networkNameOf(record.hostConfig.networkMode) === name)
    .map((container): [string, NetworkMember] => [
      container.id,
      {
        name: container.name,
        endpointId: builtinNetworkId(container.id, name),
        macAddress: '',
        ipv4Address: '',
        ipv6Address: '',
      },
    ]);
  return {
    id,
    name,
    driver,
    createdAt: engine.bridge.description.createdAt,
    internal: false,
    attachable: false,
    enableIpv6: false,
    hasUserSubnet: false,
    ipam: { options: null, pools: [] },
    options: {},
    containers: Object.fromEntries(members),
    labels: {},
  };
}
