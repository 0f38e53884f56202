/** What every command is given: input and output, the daemon's client, the global options. */
import type { ApiClient } from '../client/api-client.ts';
import type { Catalogue } from './catalogue.ts';
import type { DaemonChoice } from './daemon-choice.ts';
import type { Io } from './io.ts';
import type { UserConfig } from './user-config.ts';

export interface Context {
  io: Io;
  /** As the user called it: `gantry run`. */
  commandName: string;
  /** The daemon's client; no connection is opened before the first call. Throws where flags, environment or context name no daemon. */
  readonly client: ApiClient;
  /** Which daemon that is, and why. */
  daemon: DaemonChoice;
  debug: boolean;
  /** Where docker's config.json of the user is. */
  configFolder: string;
  /** What it says of how commands behave. */
  userConfig: UserConfig;
  /** All commands. */
  catalogue: () => Catalogue;
}
