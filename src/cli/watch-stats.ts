/** Follows what containers use, one stream for each, as they come and go. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../client/api-client.ts';
import { segment } from '../client/query.ts';
import type { ContainerSummary } from '../wire/container.ts';
import type { EventMessage } from '../wire/event-message.ts';
import type { StatsResponse } from '../wire/stats.ts';
import { shortId } from './output/human.ts';
import type { StatsSubject } from './rows/stats-row.ts';

/** Milliseconds in which a first sample of every container must be there, or its row is empty. */
const patience = 5000;

export interface WatchOptions {
  /** Those that the user named; empty for all that there are. */
  names: readonly string[];
  /** Those that do not run too. */
  all: boolean;
}

interface Watched extends StatsSubject {
  abort: AbortController;
  first: Promise<void>;
}

export class StatsWatch {
  readonly #client: ApiClient;
  readonly #options: WatchOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #failures: unknown[] = [];
  readonly #events = new AbortController();

  constructor(client: ApiClient, options: WatchOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Errors of single containers, in the order in which they came; the list is empty afterwards. */
  takeFailures(): unknown[] {
    return this.#failures.splice(0);
  }

  get subjects(): StatsSubject[] {
    return [...this.#watched.values()];
  }

  /** Those that are there now: one sample of each. */
  async once(): Promise<void> {
    const names = await this.#names();
    const subjects = await Promise.allSettled(names.map((name) => this.#sample(name)));
    for (const [index, outcome] of subjects.entries()) {
      const container = names[index] ?? '';
      const stats = outcome.status === 'fulfilled' ? outcome.value : undefined;
      if (outcome.status === 'rejected') this.#failures.push(outcome.reason);
      this.#watched.set(container, {
        container,
        stats,
        abort: new AbortController(),
        first: Promise.resolve(),
      });
    }
  }

  /** Begins to follow; resolves once there is something to show of each. */
  async start(): Promise<void> {
    if (this.#options.names.length === 0) void this.#followEvents();
    for (const name of await this.#names()) this.#add(name);
    const first = Promise.all([...this.#watched.values()].map((one) => one.first));
    await Promise.race([first, sleep(patience, undefined, { ref: false })]);
  }

  stop(): void {
    this.#events.abort();
    for (const { abort } of this.#watched.values()) abort.abort();
  }

  async #names(): Promise<readonly string[]> {
    const { names, all } = this.#options;
    if (names.length > 0) return names;
    const list = await this.#client.call<ContainerSummary[]>('GET', '/containers/json', { query: { all } });
    return list.map(({ Id }) => shortId(Id));
  }

  #sample(name: string): Promise<StatsResponse> {
    return this.#client.call<StatsResponse>('GET', `/containers/${segment(name)}/stats`, {
      query: { stream: 'false' },
    });
  }

  #add(container: string): void {
    if (this.#watched.has(container)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const watched: Watched = { container, stats: undefined, abort: new AbortController(), first: promise };
    this.#watched.set(container, watched);
    this.#follow(watched, resolve)
      .catch((error: unknown) => {
        if (!watched.abort.signal.aborted) this.#failures.push(error);
      })
      .finally(() => {
        resolve();
        // Gone: of one that was named, its empty row stays.
        watched.stats = undefined;
        if (this.#options.names.length === 0) this.#watched.delete(container);
      });
  }

  async #follow(watched: Watched, onFirst: () => void): Promise<void> {
    const path = `/containers/${segment(watched.container)}/stats`;
    const samples = this.#client.documents<StatsResponse>('GET', path, { signal: watched.abort.signal });
    for await (const stats of samples) {
      watched.stats = stats;
      onFirst();
    }
  }

  #remove(container: string): void {
    this.#watched.get(container)?.abort.abort();
    this.#watched.delete(container);
  }

  /** Where that breaks off, the containers that are shown go on. */
  async #followEvents(): Promise<void> {
    const filters = JSON.stringify({ type: ['container'] });
    const options = { query: { filters }, signal: this.#events.signal };
    const { all } = this.#options;
    try {
      for await (const { Action, Actor } of this.#client.documents<EventMessage>('GET', '/events', options)) {
        const container = shortId(Actor.ID);
        if (Action === 'start' || (all && Action === 'create')) this.#add(container);
        else if (Action === 'destroy' || (!all && Action === 'die')) this.#remove(container);
      }
    } catch (error) {
      if (!this.#events.signal.aborted) this.#failures.push(error);
    }
  }
}
