/** Networks, and which containers are on them. */
import type { EndpointSettings } from '../wire/endpoint.ts';
import type { DeepLenient } from '../wire/lenient.ts';
import type {
  Network,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworksPruneResponse,
} from '../wire/network.ts';
import type { ApiClient } from './api-client.ts';
import { type CallControl, type FilterValues, filtersOf } from './call-control.ts';
import { segment } from './query.ts';

/** `Name` is all that it needs. */
export type NetworkSettings = DeepLenient<Omit<NetworkCreateRequest, 'Name'>> & { Name: string };

/** Every method takes a network's name or ID. */
export class Networks {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  list({ signal, filters }: CallControl & { filters?: FilterValues } = {}): Promise<Network[]> {
    return this.#api.call('GET', '/networks', { query: { filters: filtersOf(filters) }, signal });
  }

  inspect(network: string, { signal, verbose }: CallControl & { verbose?: boolean } = {}): Promise<Network> {
    return this.#api.call('GET', `/networks/${segment(network)}`, { query: { verbose }, signal });
  }

  /** EngineError `conflict` where the name is taken. */
  create(settings: NetworkSettings, { signal }: CallControl = {}): Promise<NetworkCreateResponse> {
    /* Daemons before API 1.44 allow two networks of one name unless told not to. */
    return this.#api.call('POST', '/networks/create', {
      json: { CheckDuplicate: true, ...settings },
      signal,
    });
  }

  /** EngineError `forbidden` while containers are on it. */
  async remove(network: string, { signal }: CallControl = {}): Promise<void> {
    await this.#api.call('DELETE', `/networks/${segment(network)}`, { signal });
  }

  async connect(
    network: string,
    container: string,
    { signal, endpoint }: CallControl & { endpoint?: DeepLenient<EndpointSettings> } = {},
  ): Promise<void> {
    const json = { Container: container, EndpointConfig: endpoint };
    await this.#api.call('POST', `/networks/${segment(network)}/connect`, { json, signal });
  }

  async disconnect(
    network: string,
    container: string,
    { signal, force }: CallControl & { force?: boolean } = {},
  ): Promise<void> {
    const json = { Container: container, Force: force };
    await this.#api.call('POST', `/networks/${segment(network)}/disconnect`, { json, signal });
  }

  /** Removes those that no container is on. */
  prune({ signal, filters }: CallControl & { filters?: FilterValues } = {}): Promise<NetworksPruneResponse> {
    return this.#api.call('POST', '/networks/prune', { query: { filters: filtersOf(filters) }, signal });
  }
}
