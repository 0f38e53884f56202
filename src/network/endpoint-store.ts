/** The endpoints of all networks in one collection of the database: by container on the default bridge, by network and container elsewhere. */
import type { Collection } from '../util/collection.ts';
import type { Endpoint } from './network-types.ts';

/** Undefined as the network stands for the default bridge, whose ID follows its name. */
export class EndpointStore {
  readonly #collection: Collection<Endpoint>;
  readonly #byNetwork = new Map<string | undefined, Endpoint[]>();

  constructor(collection: Collection<Endpoint>) {
    this.#collection = collection;
    for (const [key, endpoint] of withoutTwins(collection.entries())) {
      const [network, container] = key.includes('/') ? key.split('/', 2) : [undefined, key];
      if (container === undefined) continue;
      this.#byNetwork.set(network, [...(this.#byNetwork.get(network) ?? []), endpoint]);
    }
  }

  /** What was on record of a network when the daemon started. */
  recorded(network: string | undefined): readonly Endpoint[] {
    return this.#byNetwork.get(network) ?? [];
  }

  /** The part of the collection that is a network's. */
  part(network: string | undefined): Pick<Collection<Endpoint>, 'put' | 'delete'> {
    const keyOf = (container: string): string =>
      network === undefined ? container : `${network}/${container}`;
    return {
      put: (container, endpoint) => this.#collection.put(keyOf(container), endpoint),
      delete: (container) => this.#collection.delete(keyOf(container)),
    };
  }

  /** Forgets endpoints on networks that there are no more. */
  sweep(networks: ReadonlySet<string>): void {
    for (const [key] of this.#collection.entries()) {
      const [network] = key.split('/', 1);
      if (key.includes('/') && network !== undefined && !networks.has(network)) this.#collection.delete(key);
    }
  }
}

/** A crash while ports moved from one network of a container to another leaves them on record at both: the first keeps them. */
function withoutTwins(
  entries: ReadonlyArray<[key: string, endpoint: Endpoint]>,
): Array<[key: string, endpoint: Endpoint]> {
  const seen = new Set<string>();
  return entries.map(([key, endpoint]) => {
    const ports = endpoint.ports.filter(({ hostIp, hostPort, protocol }) => {
      if (hostPort === 0) return true;
      const port = `${protocol} ${hostIp} ${hostPort}`;
      return !seen.has(port) && seen.add(port);
    });
    return [key, ports.length === endpoint.ports.length ? endpoint : { ...endpoint, ports }];
  });
}
