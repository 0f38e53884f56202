/** What happens in the engine, told to whoever listens, with a short memory for those who come late. */
import { EngineError } from '../errors/engine-error.ts';
import { AsyncQueue } from '../util/async-queue.ts';
import { type EventFilter, eventFilter } from './event-filters.ts';
import { type Filters, noFilters } from './filters.ts';
import type { ContainerRecord, EngineEvent } from './model.ts';
import { nowInNanoseconds, parseTimeBound } from './time-bound.ts';

/** Events that are kept for `since`; as many as in Docker, and then some. */
const historySize = 1024;
/** Events that wait for a slow reader before it is sent away. */
const queueLimit = 16_384;
/** Longest delay of a timer (setTimeout takes 31 bits). */
const longestDelay = 2 ** 31 - 1;

export interface Subscription {
  /** As in the query: see `parseTimeBound`. */
  since?: string | undefined;
  until?: string | undefined;
  filters?: Filters;
  /** The daemon's ID and name, for the filter `daemon`. */
  daemon?: readonly string[];
}

interface Listener {
  queue: AsyncQueue<EngineEvent>;
  wants: EventFilter;
}

export class EventBus {
  readonly #history: EngineEvent[] = [];
  readonly #listeners = new Set<Listener>();
  #lastTime = 0n;

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Never waits and never throws: a reader that can't keep up is sent away. */
  publish(event: Omit<EngineEvent, 'timeNano'>): void {
    const timed: EngineEvent = { ...event, timeNano: this.#nextTime() };
    this.#history.push(timed);
    if (this.#history.length > 2 * historySize) this.#history.splice(0, historySize);
    for (const { queue, wants } of this.#listeners) {
      if (wants(timed)) deliver(queue, timed);
    }
  }

  /**
   * Events from now on, after those since `since` that are still remembered; ends at `until`, or when `signal` aborts. Listens from the moment of the call.
   * Fails with EngineError `resource-exhausted` where the reader fell far behind, `invalid-argument` (at once) for bad bounds and filters.
   */
  subscribe(subscription: Subscription, signal: AbortSignal): AsyncIterable<EngineEvent> {
    const since = parseTimeBound('since', subscription.since);
    const until = parseTimeBound('until', subscription.until);
    if (since !== undefined && until !== undefined && since > until) {
      const text = `\`since\` time (${subscription.since}) cannot be after \`until\` time (${subscription.until})`;
      throw new EngineError('invalid-argument', text);
    }
    const filter = eventFilter(subscription.filters ?? noFilters, subscription.daemon);
    const wants: EventFilter = (event) => (until === undefined || event.timeNano <= until) && filter(event);
    const listener: Listener = { queue: new AsyncQueue(), wants };
    if (since !== undefined || until !== undefined) this.#replay(listener, since ?? 0n);
    this.#listeners.add(listener);
    const timer = endAt(until, listener.queue);
    const end = (): void => {
      listener.queue.close();
      this.#listeners.delete(listener);
      timer.cancel();
      signal.removeEventListener('abort', end);
    };
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    return untilDone(listener.queue, end);
  }

  #replay({ queue, wants }: Listener, since: bigint): void {
    for (const event of this.#history.slice(-historySize)) {
      if (event.timeNano >= since && wants(event)) queue.push(event);
    }
  }

  /** Strictly increasing, so that an event can be told from the next by its time. */
  #nextTime(): bigint {
    const now = nowInNanoseconds();
    this.#lastTime = now > this.#lastTime ? now : this.#lastTime + 1n;
    return this.#lastTime;
  }
}

/** Everything of `events`, with `end` called once, however the reader leaves. */
async function* untilDone(
  events: AsyncIterable<EngineEvent>,
  end: () => void,
): AsyncGenerator<EngineEvent, void, undefined> {
  try {
    yield* events;
  } finally {
    end();
  }
}

function deliver(queue: AsyncQueue<EngineEvent>, event: EngineEvent): void {
  if (queue.length < queueLimit) queue.push(event);
  else {
    queue.fail(
      new EngineError('resource-exhausted', `too slow: ${queueLimit} events wait to be read`, {
        hint: 'read faster, or filter',
      }),
    );
  }
}

/** Closes the queue at a time, which may be further away than a timer reaches. */
function endAt(until: bigint | undefined, queue: AsyncQueue<EngineEvent>): { cancel(): void } {
  if (until === undefined) return { cancel: () => undefined };
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const left = Number((until - nowInNanoseconds()) / 1_000_000n) + 1;
    if (left <= 1) queue.close();
    else timer = setTimeout(wait, Math.min(left, longestDelay));
  };
  wait();
  return { cancel: () => clearTimeout(timer) };
}

/** Tells what happened to a container, with the attributes that every event of one has: labels, image, name. */
export function publishContainerEvent(
  bus: EventBus,
  record: Pick<ContainerRecord, 'id' | 'name' | 'config' | 'hidden'>,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  if (record.hidden === true) return;
  bus.publish({
    type: 'container',
    action,
    actorId: record.id,
    attributes: { ...record.config.labels, image: record.config.image, name: record.name, ...attributes },
  });
}
