/** The daemon itself: what it is, what it has, and what happens in it. */
import type { EventMessage } from '../wire/event-message.ts';
import type {
  AuthConfig,
  AuthResponse,
  DiskUsageResponse,
  InfoResponse,
  VersionResponse,
} from '../wire/system.ts';
import type { ApiClient } from './api-client.ts';
import { type CallControl, type FilterValues, filtersOf, timestampOf } from './call-control.ts';

export interface EventOptions extends CallControl {
  /** From the past on: a date, seconds since the epoch, or RFC 3339. */
  since?: Date | number | string;
  /** The stream ends then. */
  until?: Date | number | string;
  filters?: FilterValues;
}

export interface Ping {
  /** The newest API version that the daemon speaks. */
  apiVersion: string;
  osType: string;
  /** What the daemon says it is: `Docker/28.0.0 (linux)`. */
  server: string;
}

export class System {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** EngineError `unavailable` where nobody answers. */
  async ping({ signal }: CallControl = {}): Promise<Ping> {
    const { headers, socket } = await this.#api.open('GET', '/_ping', { signal });
    socket.destroy();
    return {
      apiVersion: headers.get('api-version') ?? '',
      osType: headers.get('ostype') ?? '',
      server: headers.get('server') ?? '',
    };
  }

  version({ signal }: CallControl = {}): Promise<VersionResponse> {
    return this.#api.call('GET', '/version', { signal });
  }

  info({ signal }: CallControl = {}): Promise<InfoResponse> {
    return this.#api.call('GET', '/info', { signal });
  }

  diskUsage({ signal }: CallControl = {}): Promise<DiskUsageResponse> {
    return this.#api.call('GET', '/system/df', { signal });
  }

  /** Does the registry take this login? EngineError `unauthorized` where it does not. */
  checkAuth(auth: AuthConfig, { signal }: CallControl = {}): Promise<AuthResponse> {
    return this.#api.call('POST', '/auth', { json: auth, signal });
  }

  /** What happens, as it does; without end unless `until` is told. */
  async *events({ signal, since, until, filters }: EventOptions = {}): AsyncGenerator<EventMessage, void> {
    const query = { since: timestampOf(since), until: timestampOf(until), filters: filtersOf(filters) };
    yield* this.#api.documents<EventMessage>('GET', '/events', { query, signal });
  }
}
