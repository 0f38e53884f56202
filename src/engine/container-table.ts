/** All containers, in memory and on disk: what is read here never waits, what is written here is durable when the call returns. */
import { EngineError } from '../errors/engine-error.ts';
import type { SupervisedProcess } from '../runtime/runtime-types.ts';
import type { Collection } from '../util/collection.ts';
import { Mutex } from '../util/mutex.ts';
import { Waiters } from '../util/waiters.ts';
import type { WaitingSession } from './attach-session.ts';
import type { ContainerRecord, ContainerState } from './model.ts';
import type { StartReport } from './start-report.ts';
import { follow } from './state.ts';

/** How a run of a container ended, as `wait` tells it. */
export interface ExitNotice {
  exitCode: number;
  error?: string;
}

/** One container: its durable record, and what only this daemon knows of it. */
export class Container {
  readonly id: string;
  /** Replaced, never changed in place: whoever holds one has a consistent picture. */
  record: ContainerRecord;
  /** Present while the state is `running` or `paused`. */
  process: SupervisedProcess | undefined;
  /** Held by start, pause, rename and remove; never by reads, stop or kill. */
  readonly lock = new Mutex();
  readonly execIds = new Set<string>();
  /** Clients that attached before the start. */
  readonly waitingSessions = new Set<WaitingSession>();
  /** Told at the end of each run, once its state is recorded. */
  readonly exits = new Waiters<ExitNotice>();
  /** Told when the container is gone. */
  readonly removals = new Waiters<ExitNotice>();
  /** Settles when the last run holds nothing on the host any more; never rejects. */
  released: Promise<void> = Promise.resolve();
  /** Present while a start is under way: aborting it ends the OCI runtime that it waits for. */
  startAttempt: AbortController | undefined;
  /** A removal is under way. */
  removing = false;
  /** The next exit is wanted: no restart policy applies. */
  exitWanted = false;
  /** `restart` is between its stop and its start: the end in between is no reason to remove the container. */
  keepOnExit = false;
  /** The run is ended because it is unhealthy: another one follows, whatever the restart policy says. */
  restartOnExit = false;
  /** Aborts the health checks of this run. */
  healthMonitor: AbortController | undefined;
  restartTimer: NodeJS.Timeout | undefined;
  /** Milliseconds that the last restart was delayed. */
  restartDelayMs = 0;
  startReport: StartReport | undefined;

  constructor(record: ContainerRecord) {
    this.id = record.id;
    this.record = record;
  }

  get name(): string {
    return this.record.name;
  }

  get state(): ContainerState {
    return this.record.state;
  }
}

export class ContainerTable {
  readonly #collection: Collection<ContainerRecord>;
  readonly #byId = new Map<string, Container>();
  /** Name to ID; a name is taken from before its container exists until after it is gone. */
  readonly #names = new Map<string, string>();

  constructor(collection: Collection<ContainerRecord>) {
    this.#collection = collection;
    for (const [id, record] of collection.entries()) {
      this.#byId.set(id, new Container(record));
      this.#names.set(record.name, id);
    }
  }

  /** By ID, by name (with or without a slash), or by a prefix of an ID that fits only one. */
  find(ref: string): Container | undefined {
    const name = ref.startsWith('/') ? ref.slice(1) : ref;
    const exact = this.#byId.get(ref) ?? this.#byId.get(this.#names.get(name) ?? '') ?? this.#linked(name);
    if (exact !== undefined || !/^[0-9a-f]{1,63}$/.test(ref)) return exact;
    const fitting = this.list().filter((container) => container.id.startsWith(ref));
    if (fitting.length > 1) {
      throw new EngineError('invalid-argument', `Multiple IDs found with provided prefix: ${ref}`, {
        hint: 'give more digits of the ID, or the name',
      });
    }
    return fitting[0];
  }

  /** By a link's name, PARENT/ALIAS. */
  #linked(name: string): Container | undefined {
    const at = name.lastIndexOf('/');
    const parent = at < 0 ? undefined : this.#byId.get(this.#names.get(name.slice(0, at)) ?? '');
    const link = parent?.record.hostConfig.links.find((one) => one.endsWith(`:${name.slice(at + 1)}`));
    return link === undefined ? undefined : this.#byId.get(link.split(':', 1)[0] ?? '');
  }

  /** Like `find`. EngineError `not-found` "No such container: X", `invalid-argument` where a prefix fits several. */
  resolve(ref: string): Container {
    const container = this.find(ref);
    if (container !== undefined) return container;
    throw new EngineError('not-found', `No such container: ${ref}`, {
      hint: 'list the containers there are with "ps -a"',
    });
  }

  list(): Container[] {
    return [...this.#byId.values()];
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Who has a name, or will have it. */
  ownerOf(name: string): string | undefined {
    return this.#names.get(name);
  }

  /** Takes `name` for the container `id`. EngineError `conflict` in Docker's words where another has it. */
  reserveName(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id) {
      throw new EngineError(
        'conflict',
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    this.#names.set(name, id);
  }

  /** Gives back a name that `id` reserved and doesn't bear. */
  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id && this.#byId.get(id)?.name !== name) this.#names.delete(name);
  }

  /** Enters a new container, whose name is reserved. */
  add(record: ContainerRecord): Container {
    this.#collection.put(record.id, record);
    const container = new Container(record);
    this.#byId.set(record.id, container);
    return container;
  }

  /** Changes a record, durably. */
  update(container: Container, changes: Partial<Omit<ContainerRecord, 'id'>>): void {
    const { name } = container;
    const record = { ...container.record, ...changes };
    this.#collection.put(container.id, record);
    container.record = record;
    this.releaseName(name, container.id);
  }

  /** Moves a container to another state, durably, along the transition table. */
  setState(
    container: Container,
    state: ContainerState,
    changes: Partial<Omit<ContainerRecord, 'id' | 'state'>> = {},
  ): void {
    this.update(container, { ...changes, state: follow(container.state, state) });
  }

  /** Like `setState`, in memory only: for what start-up finds out again by itself. */
  noteState(container: Container, state: ContainerState): void {
    container.record = { ...container.record, state: follow(container.state, state) };
  }

  /** Forgets a container, durably. */
  delete(container: Container): void {
    this.#collection.delete(container.id);
    this.#byId.delete(container.id);
    if (this.#names.get(container.name) === container.id) this.#names.delete(container.name);
  }
}
