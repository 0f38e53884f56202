/** The networks: the bridge, and `host` and `none`, which are always there. */
import { EngineError } from '../errors/engine-error.ts';
import type { NetworkDescription } from '../network/network-types.ts';
import { builtinNetworkId } from './builtin-networks.ts';
import { networkNameOf } from './endpoint-view.ts';
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
  enableIpv6: boolean;
  /** By container ID: those that run on it now. */
  containers: Record<string, NetworkMember>;
  labels: Record<string, string>;
}

type NetworkEngine = Pick<Engine, 'bridge' | 'containers' | 'id' | 'config'>;

const known = new Set(['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);

/** EngineError `invalid-argument` for unknown filters. */
export function listNetworks(engine: NetworkEngine, filters: Filters): NetworkDetails[] {
  validateFilters(filters, known);
  const name = patternFilter(filters, 'name');
  const id = patternFilter(filters, 'id');
  /* All of them are built in: neither the user's own nor left over. */
  if (booleanFilter(filters, 'dangling', false)) return [];
  const type = filterValues(filters, 'type').find((value) => value !== 'builtin' && value !== 'custom');
  if (type !== undefined) throw invalidFilter(`type=${type}`, 'it must be builtin or custom');
  return allNetworks(engine).filter(
    (network) =>
      name(network.name) &&
      id(network.id) &&
      matchesExactly(filters, 'driver', network.driver) &&
      matchesExactly(filters, 'scope', 'local') &&
      matchesExactly(filters, 'type', 'builtin') &&
      matchesLabels(filterValues(filters, 'label'), network.labels),
  );
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
      hint: 'there are bridge, host and none',
    });
  }
  return found;
}

function allNetworks(engine: NetworkEngine): NetworkDetails[] {
  const { description } = engine.bridge;
  const bridge = {
    ...description,
    enableIpv6: description.ipam?.subnet6 !== undefined,
    containers: bridgeMembers(engine),
    labels: {},
  };
  const builtin = [builtinNetwork(engine, 'host', 'host'), builtinNetwork(engine, 'none', 'null')];
  return engine.config.bridge === 'none' ? builtin : [bridge, ...builtin];
}

function bridgeMembers({ bridge, containers }: NetworkEngine): Record<string, NetworkMember> {
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
    options: {},
    enableIpv6: false,
    containers: Object.fromEntries(members),
    labels: {},
  };
}
