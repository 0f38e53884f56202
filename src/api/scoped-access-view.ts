/** The engine as a scoped socket sees it: containers with its labels alone, and events of what it may read. For reads, and to find what a request names. */
import { type Container, ContainerTable } from '../engine/container-table.ts';
import type { Engine } from '../engine/engine.ts';
import { EventBus, type Subscription } from '../engine/events.ts';
import { matchesLabels } from '../engine/filters.ts';
import type { ContainerRecord, EngineEvent } from '../engine/model.ts';
import type { SocketScope } from '../engine/sockets.ts';
import type { Permission } from '../engine/sockets-permissions.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';

/** A shallow copy, for one request. What the two tables below don't override is empty in them: an oversight shows too little. */
export function scopedEngine(engine: Engine, scope: SocketScope): Engine {
  return {
    ...engine,
    containers:
      scope.labels.length === 0 ? engine.containers : new VisibleContainers(engine.containers, scope),
    events: new VisibleEvents(engine, scope),
  };
}

/** True for a container that the socket sees. */
export function isVisible(scope: SocketScope, { record }: Pick<Container, 'record'>): boolean {
  return matchesLabels(scope.labels, record.config.labels);
}

class VisibleContainers extends ContainerTable {
  readonly #all: ContainerTable;
  readonly #scope: SocketScope;

  constructor(all: ContainerTable, scope: SocketScope) {
    super(nothing);
    this.#all = all;
    this.#scope = scope;
  }

  override find(ref: string): Container | undefined {
    const name = ref.startsWith('/') ? ref.slice(1) : ref;
    const visible = this.list();
    const exact = visible.find((one) => one.id === ref || one.name === name);
    if (exact !== undefined || !/^[0-9a-f]{1,63}$/.test(ref)) return exact;
    const fitting = visible.filter((one) => one.id.startsWith(ref));
    if (fitting.length <= 1) return fitting[0];
    throw new EngineError('invalid-argument', `Multiple IDs found with provided prefix: ${ref}`);
  }

  override list(): Container[] {
    return this.#all.list().filter((one) => isVisible(this.#scope, one));
  }

  override has(id: string): boolean {
    return this.list().some((one) => one.id === id);
  }

  override ownerOf(name: string): string | undefined {
    return this.list().find((one) => one.name === name)?.id;
  }
}

/** Holds nothing, and takes nothing: nobody writes through a view. */
const nothing: Collection<ContainerRecord> = {
  get: () => undefined,
  put: () => {
    throw new EngineError('internal', 'a write through the view of a scoped socket');
  },
  delete: () => false,
  entries: () => [],
};

const readers: Readonly<Record<string, Permission>> = {
  container: 'containers:read',
  image: 'images:read',
  network: 'networks:read',
  volume: 'volumes:read',
  daemon: 'system:read',
  builder: 'build:write',
};

class VisibleEvents extends EventBus {
  readonly #engine: Engine;
  readonly #scope: SocketScope;

  constructor(engine: Engine, scope: SocketScope) {
    super();
    this.#engine = engine;
    this.#scope = scope;
  }

  override get listenerCount(): number {
    return this.#engine.events.listenerCount;
  }

  override publish(event: Omit<EngineEvent, 'timeNano'>): void {
    this.#engine.events.publish(event);
  }

  override subscribe(subscription: Subscription, signal: AbortSignal): AsyncIterable<EngineEvent> {
    const all = this.#engine.events.subscribe(subscription, signal);
    return only(all, (event) => this.#shows(event));
  }

  /** With labels also what happens to containers that are gone already, and networks that a visible one joins or leaves. */
  #shows(event: EngineEvent): boolean {
    const reader = readers[event.type];
    if (reader === undefined || !this.#scope.permissions.has(reader)) return false;
    const { labels } = this.#scope;
    if (labels.length === 0) return true;
    const id = event.type === 'container' ? event.actorId : (event.attributes['container'] ?? '');
    const container = this.#engine.containers.find(id);
    if (container === undefined) return event.type === 'container' && matchesLabels(labels, event.attributes);
    return isVisible(this.#scope, container);
  }
}

async function* only(
  events: AsyncIterable<EngineEvent>,
  shows: (event: EngineEvent) => boolean,
): AsyncGenerator<EngineEvent, void> {
  for await (const event of events) if (shows(event)) yield event;
}
