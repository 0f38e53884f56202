/** What every command is given: input and output, the daemon's client, the global options. */
import { ApiClient } from '../client/api-client.ts';
import type { Endpoint } from '../client/endpoint.ts';
import type { Catalogue } from './catalogue.ts';
import type { Io } from './io.ts';

export interface Context {
  io: Io;
  /** As the user called it: `gantry run`. */
  commandName: string;
  /** The daemon's client; no connection is opened before the first call. */
  client: ApiClient;
  debug: boolean;
  /** Where docker's config.json of the user is. */
  configFolder: string;
  /** All commands. */
  catalogue: () => Catalogue;
}

/** A client for `endpoint`; DOCKER_API_VERSION overrides the newest API version that it knows. */
export function createClient(env: Io['env'], endpoint: Endpoint): ApiClient {
  const version = env['DOCKER_API_VERSION'];
  return version === undefined || version === '' ? new ApiClient(endpoint) : new ApiClient(endpoint, version);
}
