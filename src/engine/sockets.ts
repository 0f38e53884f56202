/** Scoped sockets: further listeners of the daemon, each of which can do only some things. They outlive the daemon in the database. */
import { EngineError, messageOf } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';
import { Mutex } from '../util/mutex.ts';
import { type Permission, parsePermissions } from './sockets-permissions.ts';
import { type SocketRecord, type SocketRequest, socketRecord } from './sockets-record.ts';

/** What whoever connects through a socket may do. */
export interface SocketScope {
  name: string;
  permissions: ReadonlySet<Permission>;
  /** Empty where every container is visible. */
  labels: readonly string[];
  allowHost: boolean;
}

/** A socket that listens. */
export interface OpenSocket {
  connections(): number;
  /** Ends the connections, too, and removes the file. */
  close(): void;
}

/** Who listens; the daemon's listeners do. */
export interface SocketOpener {
  /** EngineErrors say why the socket can't be there. */
  open(record: SocketRecord, scope: SocketScope): Promise<OpenSocket>;
}

export interface SocketView extends SocketRecord {
  listening: boolean;
  /** Why it does not listen; '' where it does. */
  error: string;
  connections: number;
}

interface Entry {
  record: SocketRecord;
  open?: OpenSocket;
  error: string;
}

export class SocketTable {
  readonly #collection: Collection<SocketRecord>;
  readonly #folder: string;
  readonly #entries = new Map<string, Entry>();
  readonly #lock = new Mutex();
  #opener: SocketOpener | undefined;

  /** `folder`: where sockets are whose user names no path. */
  constructor(collection: Collection<SocketRecord>, folder: string) {
    this.#collection = collection;
    this.#folder = folder;
    for (const [name, record] of collection.entries()) {
      this.#entries.set(name, { record, error: 'the daemon does not listen' });
    }
  }

  /** Makes the sockets of earlier daemons again. One that fails says so in lists; the others are there. */
  async openAll(opener: SocketOpener): Promise<void> {
    this.#opener = opener;
    await this.#lock.run(async () => {
      for (const entry of this.#entries.values()) await this.#reopen(opener, entry);
    });
  }

  async #reopen(opener: SocketOpener, entry: Entry): Promise<void> {
    try {
      entry.open = await opener.open(entry.record, scopeOf(entry.record));
      entry.error = '';
    } catch (error) {
      entry.error = messageOf(error);
    }
  }

  /** Listens, then remembers it: durable when it returns. EngineErrors `conflict` for a name that is taken, and the opener's. */
  create(request: SocketRequest): Promise<SocketView> {
    return this.#lock.run(async () => {
      const opener = this.#opener;
      if (opener === undefined)
        throw new EngineError('failed-precondition', 'this daemon listens nowhere, and so has no sockets');
      const record = socketRecord(request, this.#folder);
      const taken = [...this.#entries.values()].find(
        (one) => one.record.name === record.name || one.record.path === record.path,
      );
      if (taken !== undefined) throw takenError(record, taken.record);
      const open = await opener.open(record, scopeOf(record));
      try {
        this.#collection.put(record.name, record);
      } catch (error) {
        open.close();
        throw error;
      }
      const entry: Entry = { record, open, error: '' };
      this.#entries.set(record.name, entry);
      return viewOf(entry);
    });
  }

  /** By name. */
  list(): SocketView[] {
    return [...this.#entries.values()].map(viewOf).sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** EngineError `not-found`. */
  get(name: string): SocketView {
    return viewOf(this.#resolve(name));
  }

  /** Forgets it, then ends it and the connections through it. EngineError `not-found`. */
  remove(name: string): Promise<void> {
    return this.#lock.run(async () => {
      const { open } = this.#resolve(name);
      this.#collection.delete(name);
      this.#entries.delete(name);
      open?.close();
    });
  }

  /** Stops listening; the next daemon listens again. */
  close(): void {
    for (const entry of this.#entries.values()) entry.open?.close();
    this.#entries.clear();
  }

  #resolve(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    throw new EngineError('not-found', `No such socket: ${name}`, {
      hint: 'List the sockets there are with: gantry socket ls',
    });
  }
}

function takenError(wanted: SocketRecord, taken: SocketRecord): EngineError {
  const what =
    taken.name === wanted.name
      ? `the name ${wanted.name}`
      : `the path ${wanted.path} of socket ${taken.name}`;
  return new EngineError('conflict', `${what} is already in use by a scoped socket`, {
    hint: `Remove it first: gantry socket rm ${taken.name}`,
  });
}

function scopeOf({ name, allow, labels, allowHost }: SocketRecord): SocketScope {
  return { name, permissions: parsePermissions(allow), labels, allowHost };
}

function viewOf({ record, open, error }: Entry): SocketView {
  return { ...record, listening: open !== undefined, error, connections: open?.connections() ?? 0 };
}
