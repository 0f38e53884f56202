/** The engine's context: everything that its functions work with, handed to each as its first argument. */
import type { Logger } from 'pino';
import type { HostFacts } from '../host/facts.ts';
import type { Launcher } from '../host/launcher-types.ts';
import type { ImageService } from '../images/image-types.ts';
import type { Bridge, NetworkSet } from '../network/network-types.ts';
import type { LocalStorage } from '../registry/storage/local-storage.ts';
import type { Runtime } from '../runtime/runtime-types.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { Database } from '../store/database.ts';
import type { VolumeService } from '../volumes/volume-service.ts';
import type { ContainerTable } from './container-table.ts';
import type { DaemonConfig } from './daemon-config.ts';
import type { EventBus } from './events.ts';
import type { ExecTable } from './exec-table.ts';
import type { LogKeeper } from './log/log-keeper.ts';
import type { Sizes } from './sizes/sizes-types.ts';
import type { SocketTable } from './sockets.ts';
import type { UndoStore } from './undo-store.ts';

/**
 * Made by `createEngine` (create-engine.ts), ended by `closeEngine`. Reads are answered from memory; what changes a container goes through
 * `containers`, which writes to the database before it returns. There is no lock but each container's own.
 */
export interface Engine {
  /** Replaced as a whole when the daemon reloads its configuration. */
  config: DaemonConfig;
  readonly database: Database;
  readonly launcher: Launcher;
  readonly runtime: Runtime;
  readonly images: ImageService;
  /** A registry over the same blobs as the images, where the daemon serves one. */
  readonly registry: LocalStorage;
  readonly snapshots: Snapshotter;
  /** The default bridge; one that refuses everything where the daemon is told to have none. */
  readonly bridge: Bridge;
  /** All bridges. */
  readonly networks: NetworkSet;
  readonly volumes: VolumeService;
  /** How much room volumes and read-write layers take. */
  readonly sizes: Sizes;
  /** What removals took, and can be restored. */
  readonly undo: UndoStore;
  readonly events: EventBus;
  readonly containers: ContainerTable;
  readonly execs: ExecTable;
  /** Further listeners that can do only some things. Nobody listens before `openAll`. */
  readonly sockets: SocketTable;
  /** What happens to containers' logs while the daemon runs. */
  readonly logs: LogKeeper;
  readonly host: HostFacts;
  readonly log: Logger;
  /** 64 hex digits of its own, the same for the life of the data root. */
  readonly id: string;
  /** Aborts when the engine closes: timers and watchers end. */
  readonly closing: AbortSignal;
  /** Ends all of it, in the right order. Call `closeEngine`. */
  readonly shutDown: () => Promise<void>;
}
