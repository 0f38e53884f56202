/** A client of one daemon, Gantry's or any Docker's: the nouns of its API, each with its methods. */
import { ApiClient } from './api-client.ts';
import type { CallControl } from './call-control.ts';
import { type ClientOptions, endpointOf } from './client-options.ts';
import { Containers } from './containers.ts';
import { Images } from './images.ts';
import { Networks } from './networks.ts';
import { System } from './system.ts';
import { Volumes } from './volumes.ts';

/**
 * It holds no connection: each call has one of its own, so there is nothing to close. Whatever fails is thrown as
 * `EngineError`, but for aborted calls, which fail with their signal's reason.
 */
export class Client {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly system: System;
  /** For what the nouns don't have: calls by method and path, with the same errors and the same version. */
  readonly api: ApiClient;

  /** Made by `createClient`, or by an engine. */
  constructor(api: ApiClient) {
    this.api = api;
    this.containers = new Containers(api);
    this.images = new Images(api);
    this.networks = new Networks(api);
    this.volumes = new Volumes(api);
    this.system = new System(api);
  }

  /** Where the daemon is: `unix:///run/gantry.sock`. */
  get host(): string {
    return this.api.endpoint.label;
  }

  /** The API version that is spoken: the client's newest before the first call, then one that the daemon takes. */
  get version(): string {
    return this.api.version;
  }

  /** Asks the daemon for its version at once, where the first call would do it otherwise. Resolves with the one that is spoken. */
  negotiate({ signal }: CallControl = {}): Promise<string> {
    return this.api.negotiate(signal);
  }
}

/** No connection is opened before the first call. EngineError `invalid-argument` for an address that is none. */
export function createClient(options: ClientOptions = {}): Client {
  const env = options.env ?? process.env;
  const version = options.version ?? (env['DOCKER_API_VERSION'] || undefined);
  /* Not the command line's name: logs come to it in larger pieces than a library's users want. */
  const headers = { 'User-Agent': libraryAgent, ...options.headers };
  return new Client(new ApiClient(endpointOf(options), version, headers));
}

/** What the library calls itself to daemons. */
export const libraryAgent = 'node-gantry-client';
