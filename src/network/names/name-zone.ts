/** Who is called what on which network, and what each container gets to hear of it. In memory; pure. */
import { isIP } from 'node:net';
import { presentAddresses } from '../endpoint-addresses.ts';
import { formatAddress, parseAddress, type Subnet, subnetContains } from '../ip-address.ts';
import type { Endpoint } from '../network-types.ts';

export interface ZoneNetwork {
  id: string;
  name: string;
  subnets: readonly Subnet[];
  /** Nothing of it reaches the outside: neither do questions. */
  internal: boolean;
}

/** Who asks: a container with all its networks, the one whose gateway it asked first; or somebody else on one of them. */
export interface Asker {
  container: string | undefined;
  endpoints: readonly Endpoint[];
  networks: readonly ZoneNetwork[];
}

interface NetworkState {
  network: ZoneNetwork;
  /** In lower case. */
  byName: Map<string, Endpoint[]>;
  byAddress: Map<string, Endpoint>;
  /** Where the next answer begins, by family and name: several with one name take turns. */
  turns: Map<string, number>;
}

export class NameZone {
  readonly #networks = new Map<string, NetworkState>();
  readonly #byContainer = new Map<string, Endpoint[]>();
  /** IDs of endpoints whose container has ended. */
  readonly #silent = new Set<string>();

  addNetwork(network: ZoneNetwork): void {
    this.#networks.set(network.id, {
      network,
      byName: new Map(),
      byAddress: new Map(),
      turns: new Map(),
    });
  }

  removeNetwork(id: string): void {
    this.#networks.delete(id);
  }

  add(endpoint: Endpoint): void {
    const state = this.#networks.get(endpoint.networkId);
    if (state === undefined) return;
    for (const name of namesOf(endpoint))
      state.byName.set(name, [...(state.byName.get(name) ?? []), endpoint]);
    for (const address of presentAddresses(endpoint)) state.byAddress.set(address, endpoint);
    const { containerId } = endpoint;
    this.#byContainer.set(containerId, [...(this.#byContainer.get(containerId) ?? []), endpoint]);
  }

  /** Idempotent. */
  remove({ networkId, containerId, endpointId }: Endpoint): void {
    const others = (list: readonly Endpoint[]): Endpoint[] =>
      list.filter((one) => one.endpointId !== endpointId);
    const rest = others(this.#byContainer.get(containerId) ?? []);
    const gone = (this.#byContainer.get(containerId) ?? []).filter((one) => one.endpointId === endpointId);
    if (rest.length === 0) this.#byContainer.delete(containerId);
    else this.#byContainer.set(containerId, rest);
    this.#silent.delete(endpointId);
    const state = this.#networks.get(networkId);
    if (state !== undefined) for (const endpoint of gone) forget(state, endpoint, others);
  }

  /** Nobody is told of a container that has ended, though its addresses are still its own. */
  silence(containerId: string): void {
    for (const { endpointId } of this.#byContainer.get(containerId) ?? []) this.#silent.add(endpointId);
  }

  /** Who asks at the gateway of a network; undefined for someone from elsewhere. `isHost` tells the host's own addresses. */
  asker(networkId: string, address: string, isHost: (address: string) => boolean): Asker | undefined {
    const state = this.#networks.get(networkId);
    if (state === undefined) return undefined;
    if (isIP(address) === 0) return undefined;
    // A link-local address comes with the interface behind it.
    const bytes = parseAddress(address.replace(/%.*$/, ''));
    const endpoint = state.byAddress.get(formatAddress(bytes));
    if (endpoint !== undefined) return this.#container(state.network, endpoint.containerId);
    const isNear = state.network.subnets.some((one) => subnetContains(one, bytes)) || isHost(address);
    return isNear ? { container: undefined, endpoints: [], networks: [state.network] } : undefined;
  }

  /** A container that asks in its own network namespace; undefined where it is on none of the networks. */
  insideAsker(containerId: string): Asker | undefined {
    const [first] = this.#byContainer.get(containerId) ?? [];
    const network = first === undefined ? undefined : this.#networks.get(first.networkId)?.network;
    return network === undefined ? undefined : this.#container(network, containerId);
  }

  /** Addresses of a family (4 or 6) under a name; undefined where the name is nobody's. In turns where several have it. */
  resolve(asker: Asker, name: string, version: 4 | 6): string[] | undefined {
    const wanted = name.toLowerCase();
    for (const network of asker.networks) {
      const own = asker.endpoints.find((endpoint) => endpoint.networkId === network.id);
      const found = this.#lookUp(network, linked(own, wanted) ?? wanted);
      if (found !== undefined) return this.#inTurn(network, wanted, version, found);
    }
    return this.#resolveQualified(asker, wanted, version);
  }

  /**
   * The name that goes with an address, `NAME.NETWORK`; null for one of a subnet of the asker's that is nobody's; undefined for any other.
   */
  reverse(asker: Asker, address: string): string | null | undefined {
    const bytes = parseAddress(address);
    const text = formatAddress(bytes);
    let isOwn = false;
    for (const { id, name, subnets } of asker.networks) {
      const endpoint = this.#networks.get(id)?.byAddress.get(text);
      const first = endpoint?.naming?.names[0];
      if (endpoint !== undefined && first !== undefined && !this.#silent.has(endpoint.endpointId))
        return `${first}.${name}`;
      isOwn ||= subnets.some((subnet) => subnetContains(subnet, bytes));
    }
    return isOwn ? null : undefined;
  }

  #container(asked: ZoneNetwork, containerId: string): Asker {
    const endpoints = this.#byContainer.get(containerId) ?? [];
    const others = endpoints
      .flatMap(({ networkId }) => this.#networks.get(networkId)?.network ?? [])
      .filter((network) => network.id !== asked.id)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    return { container: containerId, endpoints, networks: [asked, ...others] };
  }

  /** `NAME.NETWORK`, whatever dots each of the two has. */
  #resolveQualified(asker: Asker, name: string, version: 4 | 6): string[] | undefined {
    for (const network of asker.networks) {
      const suffix = `.${network.name.toLowerCase()}`;
      if (!name.endsWith(suffix)) continue;
      const short = name.slice(0, -suffix.length);
      const found = this.#lookUp(network, short);
      if (found !== undefined) return this.#inTurn(network, short, version, found);
    }
    return undefined;
  }

  #lookUp({ id }: ZoneNetwork, name: string): Endpoint[] | undefined {
    const found = this.#networks.get(id)?.byName.get(name) ?? [];
    const alive = found.filter(({ endpointId }) => !this.#silent.has(endpointId));
    return alive.length === 0 ? undefined : alive;
  }

  #inTurn({ id }: ZoneNetwork, name: string, version: 4 | 6, found: readonly Endpoint[]): string[] {
    const addresses = found.flatMap((one) => addressOf(one, version) || []);
    const turns = this.#networks.get(id)?.turns;
    if (addresses.length < 2 || turns === undefined) return addresses;
    const key = `${version} ${name}`;
    const turn = (turns.get(key) ?? 0) % addresses.length;
    turns.set(key, turn + 1);
    return [...addresses.slice(turn), ...addresses.slice(0, turn)];
  }
}

function forget(
  state: NetworkState,
  endpoint: Endpoint,
  others: (list: readonly Endpoint[]) => Endpoint[],
): void {
  for (const name of namesOf(endpoint)) {
    const rest = others(state.byName.get(name) ?? []);
    if (rest.length > 0) state.byName.set(name, rest);
    else state.byName.delete(name);
    if (rest.length < 2) for (const version of [4, 6]) state.turns.delete(`${version} ${name}`);
  }
  for (const address of presentAddresses(endpoint)) {
    if (state.byAddress.get(address)?.endpointId === endpoint.endpointId) state.byAddress.delete(address);
  }
}

function namesOf({ naming }: Endpoint): Set<string> {
  return new Set(naming?.names.map((name) => name.toLowerCase()));
}

function addressOf({ ipAddress, ipv6Address = '' }: Endpoint, version: 4 | 6): string {
  return version === 4 ? ipAddress : ipv6Address;
}

/** What an alias stands for that this container alone knows. */
function linked(endpoint: Endpoint | undefined, alias: string): string | undefined {
  const links = Object.entries(endpoint?.naming?.links ?? {});
  return links.find(([name]) => name.toLowerCase() === alias)?.[1].toLowerCase();
}
