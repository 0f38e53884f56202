/** Keeps the monitor's containers up to date: a list, the daemon's events, and a stream of statistics for each that runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../client/api-client.ts';
import { segment } from '../../client/query.ts';
import { messageOf } from '../../errors/engine-error.ts';
import type { ContainerSummary } from '../../wire/container.ts';
import type { EventMessage } from '../../wire/event-message.ts';
import type { StatsResponse } from '../../wire/stats.ts';
import { type FilterMap, filtersQuery } from '../filters.ts';
import { figuresOf } from './figures.ts';
import type { Monitored } from './listing.ts';

/** Each is a connection. */
const maxStreams = 250;
/** Milliseconds: events that come together make one list. */
const listDelay = 100;
/** Milliseconds between lists without an event: `Up 5 minutes` grows. */
const listInterval = 10_000;
const retryDelay = 1000;

/** Events that change nothing that is shown. */
const silent = /^(exec_|attach|detach|resize|top|export|archive-path|extract-to-dir|copy)/;

export interface FeedOptions {
  client: ApiClient;
  all: boolean;
  filters: FilterMap;
  /** Called when anything changed. */
  changed: () => void;
}

export class MonitorFeed {
  readonly containers = new Map<string, Monitored>();
  /** Why there is nothing new; undefined while the daemon answers. */
  problem: string | undefined;
  #all: boolean;
  readonly #options: FeedOptions;
  readonly #abort = new AbortController();
  readonly #streams = new Map<string, AbortController>();
  #wake: () => void = () => undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#all = options.all;
  }

  get all(): boolean {
    return this.#all;
  }

  /** Whether containers that do not run are shown too. */
  set all(all: boolean) {
    this.#all = all;
    this.#wake();
  }

  start(): void {
    void this.#keepListing();
    void this.#followEvents();
  }

  stop(): void {
    this.#abort.abort();
    for (const stream of this.#streams.values()) stream.abort();
    this.#wake();
  }

  async #keepListing(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      try {
        await this.#list();
        this.#report(undefined);
      } catch (error) {
        this.#report(messageOf(error));
      }
      const timer = setTimeout(resolve, this.problem === undefined ? listInterval : retryDelay);
      await promise;
      clearTimeout(timer);
      await sleep(listDelay);
    }
  }

  async #list(): Promise<void> {
    const { client, filters } = this.#options;
    const query = { all: this.#all, ...filtersQuery(filters) };
    const { signal } = this.#abort;
    const found = await client.call<ContainerSummary[]>('GET', '/containers/json', { query, signal });
    const ids = new Set(found.map(({ Id }) => Id));
    for (const id of this.containers.keys()) if (!ids.has(id)) this.containers.delete(id);
    const running = new Set(found.filter(isMeasured).map(({ Id }) => Id));
    for (const [id, stream] of this.#streams) if (!running.has(id)) stream.abort();
    for (const summary of found) {
      const runs = running.has(summary.Id);
      const figures = runs ? this.containers.get(summary.Id)?.figures : undefined;
      this.containers.set(summary.Id, { summary, figures });
      if (runs && this.#streams.size < maxStreams) void this.#measure(summary.Id);
    }
  }

  /** Events say when to list again. One that breaks is taken up again. */
  async #followEvents(): Promise<void> {
    const { client } = this.#options;
    const { signal } = this.#abort;
    const query = filtersQuery(new Map([['type', ['container']]]));
    while (!signal.aborted) {
      try {
        for await (const event of client.documents<EventMessage>('GET', '/events', { query, signal }))
          if (!silent.test(event.Action)) this.#wake();
      } catch {
        // The list says what is wrong.
      }
      if (signal.aborted) return;
      this.#wake();
      await sleep(retryDelay);
    }
  }

  async #measure(id: string): Promise<void> {
    if (this.#streams.has(id)) return;
    const abort = new AbortController();
    this.#streams.set(id, abort);
    const path = `/containers/${segment(id)}/stats`;
    try {
      const query = { stream: true };
      const { signal } = abort;
      const { client } = this.#options;
      for await (const stats of client.documents<StatsResponse>('GET', path, { query, signal }))
        this.#take(id, stats);
    } catch {
      // It ended, or the daemon did: the next list tells.
    } finally {
      this.#streams.delete(id);
    }
  }

  #take(id: string, stats: StatsResponse): void {
    const known = this.containers.get(id);
    if (known === undefined) {
      this.#streams.get(id)?.abort();
      return;
    }
    // A container that has just ended is told of with zeros.
    if (Date.parse(stats.read) <= 0) return;
    this.containers.set(id, { ...known, figures: figuresOf(stats, known.figures) });
    this.#options.changed();
  }

  #report(problem: string | undefined): void {
    this.problem = problem;
    if (!this.#abort.signal.aborted) this.#options.changed();
  }
}

function isMeasured({ State }: ContainerSummary): boolean {
  return State === 'running' || State === 'paused';
}
