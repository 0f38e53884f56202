/** What every command is given: input and output, the daemon's client, the global options. */
import { ApiClient } from '../client/api-client.ts';
import type { Endpoint } from '../client/endpoint.ts';
import type { Io } from './io.ts';

export interface Context {
  io: Io;
  /** As the user called it: `gantry run`. */
  commandName: string;
  /** The daemon's client; no connection is opened before the first call. */
  client: ApiClient;
  debug: boolean;
}

/** DOCKER_API_VERSION overrides the newest API version that the client knows. */
export function createContext(io: Io, commandName: string, endpoint: Endpoint, debug: boolean): Context {
  const version = io.env['DOCKER_API_VERSION'];
  const client =
    version === undefined || version === '' ? new ApiClient(endpoint) : new ApiClient(endpoint, version);
  return { io, commandName, client, debug };
}
