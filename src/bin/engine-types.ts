/** What programs see of an embedded engine. */
import type { Client } from '../client/client.ts';

export interface EngineOptions {
  /**
   * Where images, containers and volumes are kept. Without one it is a directory of the moment, which goes with the engine;
   * then containers are stopped with it too.
   */
  dataRoot?: string;
  /** For what lives until the next boot; a directory below `/run` that belongs to the data root unless told. */
  execRoot?: string;
  /** Name of the default bridge, at most 15 characters, or `none`; a name that belongs to the data root unless told. */
  bridge?: string;
  /** The bridge's own address and prefix length, `10.90.0.1/24`; a free subnet unless told. */
  subnet?: string;
  /** What else the daemon has to be told, under the keys of `daemon.json`: `{ 'insecure-registries': ['127.0.0.1:5000'] }`. */
  settings?: Readonly<Record<string, unknown>>;
  /** Stop the containers that run when the engine closes; they go on unless told. */
  stopContainers?: boolean;
  /** Told what the daemon would write into its log. */
  log?: (entry: LogEntry) => void;
  /** What of it is told: `warn` unless told. */
  logLevel?: 'debug' | 'info' | 'warn' | 'error';
}

export interface LogEntry {
  level: string;
  /** RFC 3339. */
  time: string;
  msg: string;
  [field: string]: unknown;
}

export interface CloseOptions {
  /** In place of what `createEngine` was told. */
  stopContainers?: boolean;
}

/** It keeps the program alive until it is closed, as a server does. */
export interface EmbeddedEngine extends AsyncDisposable {
  readonly dataRoot: string;
  readonly execRoot: string;
  /** A client of this engine, with all that a client of a daemon elsewhere can do. It holds nothing. */
  client(): Client;
  /**
   * Ends it: streams are cut off, and nothing of it is left but the data root. While containers run on, their bridge,
   * their rules and the exec root stay too, and the next engine of the same roots finds them again. May be called twice.
   */
  close(options?: CloseOptions): Promise<void>;
}
