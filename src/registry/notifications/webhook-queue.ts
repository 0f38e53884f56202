/** What waits for one endpoint: delivered in order, one at a time, tried until it is taken, bounded in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '../../errors/engine-error.ts';
import type { WebhookEndpoint } from './webhook-config.ts';
import { createSender, type WebhookSender } from './webhook-sender.ts';

export interface EndpointStats {
  name: string;
  /** Taken into the queue. */
  events: number;
  successes: number;
  /** Answers that were no success. */
  failures: number;
  /** Deliveries without an answer. */
  errors: number;
  /** Thrown away, since the queue was full or the registry ended. */
  dropped: number;
  pending: number;
  /** How often each status was answered. */
  statuses: ReadonlyMap<number, number>;
}

const defaultThreshold = 10;
const defaultBackoff = 1000;
const defaultLimit = 10_000;
/** Bytes of all that waits. */
const maxBytes = 32 * 1024 * 1024;

export class WebhookQueue {
  readonly #endpoint: WebhookEndpoint;
  readonly #log: Logger;
  readonly #limit: number;
  readonly #sender: WebhookSender;
  readonly #stopping = new AbortController();
  readonly #statuses = new Map<number, number>();
  #waiting: string[] = [];
  /** What is being delivered. */
  #current: string | undefined;
  #bytes = 0;
  #counts = { events: 0, successes: 0, failures: 0, errors: 0, dropped: 0 };
  /** In a row. */
  #misses = 0;
  /** In this outage. */
  #lost = 0;
  #work: Promise<void> | undefined;

  constructor(endpoint: WebhookEndpoint, log: Logger, limit: number | undefined) {
    this.#endpoint = endpoint;
    this.#log = log.child({ endpoint: endpoint.name });
    this.#limit = limit ?? defaultLimit;
    this.#sender = createSender(endpoint);
  }

  get stats(): EndpointStats {
    return {
      name: this.#endpoint.name,
      ...this.#counts,
      pending: this.#pending,
      statuses: this.#statuses,
    };
  }

  get #pending(): number {
    return this.#waiting.length + (this.#current === undefined ? 0 : 1);
  }

  /** Never waits; the oldest goes where there is no room. */
  push(text: string): void {
    if (this.#stopping.signal.aborted) return;
    this.#counts.events += 1;
    this.#waiting.push(text);
    this.#bytes += text.length;
    while (this.#waiting.length > 1 && (this.#waiting.length > this.#limit || this.#bytes > maxBytes))
      this.#drop();
    this.#work ??= this.#deliverAll();
  }

  /** Waits at most `milliseconds` for what is queued; what is left then is lost. */
  async close(milliseconds: number): Promise<void> {
    const deadline = new AbortController();
    const late = sleep(milliseconds, undefined, { signal: deadline.signal }).catch(() => undefined);
    await Promise.race([this.#work, late]);
    deadline.abort();
    this.#stopping.abort();
    await this.#work;
    const left = this.#pending;
    if (left > 0) this.#log.warn({ events: left }, 'the registry ends before all events were delivered');
    this.#counts.dropped += left;
    this.#waiting = [];
    this.#current = undefined;
    await this.#sender.close();
  }

  #drop(): void {
    this.#take();
    this.#counts.dropped += 1;
    if (this.#lost === 0)
      this.#log.warn(
        { waiting: this.#waiting.length },
        'too many events wait for the webhook: the oldest are dropped',
      );
    this.#lost += 1;
  }

  async #deliverAll(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#current ??= this.#take();
      if (this.#current === undefined) break;
      if (await this.#deliver(this.#current)) this.#current = undefined;
      else await this.#backOff();
    }
    // Here and not in a later turn: what is pushed from now on must wake it again.
    this.#work = undefined;
  }

  #take(): string | undefined {
    const text = this.#waiting.shift();
    this.#bytes -= text?.length ?? 0;
    return text;
  }

  async #deliver(text: string): Promise<boolean> {
    try {
      const status = await this.#sender.send(text, this.#stopping.signal);
      this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
      if (status >= 200 && status < 400) {
        this.#counts.successes += 1;
        this.#recover();
        return true;
      }
      this.#counts.failures += 1;
      this.#miss(`it answered with status ${status}`);
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      this.#counts.errors += 1;
      this.#miss(messageOf(error));
    }
    return false;
  }

  #miss(why: string): void {
    this.#misses += 1;
    if (this.#misses === this.#threshold)
      this.#log.warn({ url: this.#endpoint.url, why }, 'the webhook takes no events');
  }

  #recover(): void {
    if (this.#misses >= this.#threshold)
      this.#log.info(
        { dropped: this.#lost, waiting: this.#waiting.length },
        'the webhook takes events again',
      );
    this.#misses = 0;
    this.#lost = 0;
  }

  get #threshold(): number {
    return this.#endpoint.threshold || defaultThreshold;
  }

  async #backOff(): Promise<void> {
    if (this.#misses < this.#threshold) return;
    const { signal } = this.#stopping;
    await sleep(this.#endpoint.backoff || defaultBackoff, undefined, { signal }).catch(() => undefined);
  }
}
