/** Sends what one container logs to where its log driver says: each line at least once, whatever ends in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors/engine-error.ts';
import { LogChanges } from './changes.ts';
import { LogCursor, type LogLines, type LogPlace } from './cursor.ts';
import { MessageReader } from './message-reader.ts';
import { readPosition, writePosition } from './position.ts';
import type { LogSink, RemoteDriver } from './remote/sink.ts';
import { SentPlaces } from './sent-places.ts';

export interface ForwarderOptions {
  /** The log. */
  path: string;
  driver: RemoteDriver;
  /** Nothing is written to the log any more, unless the container is started again. */
  isOver: () => boolean;
  /** Tells of troubles, each once until it is over. */
  warn: (message: string) => void;
}

const chunkSize = 64 * 1024;
/** Milliseconds: between two writes of the position; the longest pause between attempts; what a stop may take. */
const saveInterval = 200;
const longestPause = 30_000;
const stopPatience = 500;

/**
 * Reads the log's files from where it last was sure that lines had arrived; a receiver that is slow or gone holds up this reader only. Lives until the
 * container is over and all is sent, or until it is stopped.
 */
export class Forwarder {
  /** Settles when it is done or stopped; never rejects. */
  readonly finished: Promise<void>;
  readonly #options: ForwarderOptions;
  readonly #changes: LogChanges;
  readonly #stopped = Promise.withResolvers<never>();
  #isStopped = false;
  /** undefined until it is read, null where there is none. */
  #sure: LogPlace | null | undefined;
  #saved: LogPlace | null | undefined;
  #savedAt = 0;
  #failures = 0;
  #sink: LogSink | undefined;
  #openedAt = 0;
  #progressAt = Date.now();

  /** `sink`: a connection that is open already. */
  constructor(options: ForwarderOptions, sink?: LogSink) {
    this.#options = options;
    this.#stopped.promise.catch(() => {});
    this.#changes = new LogChanges(options.path);
    if (sink !== undefined) this.#adopt(sink);
    this.finished = this.#run().finally(() => {
      this.#changes.close();
      this.#sink?.close();
    });
  }

  /** The last attempt to send failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Milliseconds since the receiver took anything, or since there was one. */
  get stalledMs(): number {
    return Date.now() - this.#progressAt;
  }

  /** Something about `isOver` has changed. */
  wake(): void {
    this.#changes.notify();
  }

  /** What is not sent by then is sent by the next one. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#changes.notify();
    const late = setTimeout(() => this.#stopped.reject(new Error('stopped')), stopPatience);
    await this.finished;
    clearTimeout(late);
  }

  async #run(): Promise<void> {
    for (let done = false; !done && !this.#isStopped; ) {
      try {
        done = await this.#fromLastSure();
        this.#failures = 0;
      } catch (error) {
        this.#sink?.close();
        this.#sink = undefined;
        if (!this.#isStopped) await this.#recover(error);
      }
    }
    await this.#save(true);
  }

  async #recover(error: unknown): Promise<void> {
    const { driver, warn } = this.#options;
    this.#failures += 1;
    if (this.#failures === 1)
      warn(
        `cannot send a container's log to ${driver.description}: ${messageOf(error)}. It is tried again until it works`,
      );
    if (this.#failures > driver.maxRetries) await this.#skip().catch(() => {});
    const pause = Math.min(driver.retryMs * 1.5 ** Math.min(this.#failures - 1, 20), longestPause);
    for (const until = Date.now() + pause; Date.now() < until && !this.#isStopped; )
      await sleep(Math.min(100, pause));
  }

  /** True when all is sent and the container is over. */
  async #fromLastSure(): Promise<boolean> {
    const cursor = await this.#openCursor();
    try {
      return await this.#follow(cursor, new MessageReader());
    } finally {
      await cursor.close();
    }
  }

  async #openCursor(): Promise<LogCursor> {
    const { path, warn } = this.#options;
    this.#sure ??= (await readPosition(path)) ?? null;
    const place = this.#sure;
    return await LogCursor.open(path, { follows: true, chunkSize }, (files) => {
      const file = files.findIndex(({ identity }) => identity === place?.identity);
      if (place === null || files.length === 0) return { file: 0, position: 0 };
      if (file < 0) warn(lostText(this.#options.driver));
      return file < 0 ? { file: 0, position: 0 } : { file, position: place.offset };
    });
  }

  async #follow(cursor: LogCursor, reader: MessageReader): Promise<boolean> {
    let sent = new SentPlaces(0);
    while (!this.#isStopped || sent.patience(Date.now()) < stopPatience) {
      if (this.#sink?.lost.aborted === true) this.#loseSink(sent);
      await this.#note(sent);
      const wasOver = this.#options.isOver();
      const lines = this.#isStopped ? undefined : await cursor.next();
      if (cursor.takeGap()) this.#options.warn(lostText(this.#options.driver));
      if (lines !== undefined) {
        sent = await this.#send(lines, reader, sent);
        if (cursor.place !== undefined) sent.add(cursor.place, Date.now());
      } else if (wasOver && sent.patience(Date.now()) === Number.POSITIVE_INFINITY) {
        return true;
      } else await this.#changes.wait(Math.min(sent.patience(Date.now()), this.#untilSaved()));
    }
    return false;
  }

  /** Over the connection that there is, or a new one. Returns what keeps account of that connection. */
  async #send(lines: LogLines, reader: MessageReader, sent: SentPlaces): Promise<SentPlaces> {
    const { driver } = this.#options;
    const messages = reader.read(lines);
    let account = sent;
    if (
      Date.now() - this.#openedAt > driver.reconnectMs &&
      sent.patience(Date.now()) === Number.POSITIVE_INFINITY
    ) {
      this.#sink?.close();
      this.#sink = undefined;
    }
    if (this.#sink === undefined) this.#adopt(await this.#unlessStopped(this.#open()));
    const sink = this.#sink;
    if (sink === undefined) return account;
    if (account.doubtMs !== sink.doubtMs) account = new SentPlaces(sink.doubtMs);
    await this.#unlessStopped(sink.send(messages));
    this.#progressAt = Date.now();
    return account;
  }

  /** A connection that is lost while nothing is on its way is no trouble: the next line opens another. */
  #loseSink(sent: SentPlaces): void {
    if (sent.patience(Date.now()) !== Number.POSITIVE_INFINITY) throw this.#sink?.lost.reason;
    this.#sink?.close();
    this.#sink = undefined;
  }

  /** One that comes too late is closed. */
  async #open(): Promise<LogSink> {
    const sink = await this.#options.driver.open();
    if (this.#isStopped) sink.close();
    return sink;
  }

  #adopt(sink: LogSink): void {
    this.#sink = sink;
    this.#openedAt = Date.now();
    sink.lost.addEventListener('abort', () => this.#changes.notify(), { once: true });
  }

  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#stopped.promise]);
  }

  /** Gives up the lot that can't be sent. */
  async #skip(): Promise<void> {
    const cursor = await this.#openCursor();
    try {
      if ((await cursor.next()) === undefined || cursor.place === undefined) return;
      this.#sure = cursor.place;
      this.#failures = 0;
      this.#options.warn(
        `lines of a container's log were given up: ${this.#options.driver.description} does not take them`,
      );
    } finally {
      await cursor.close();
    }
  }

  async #note(sent: SentPlaces): Promise<void> {
    const sure = sent.takeSure(Date.now());
    if (sure !== undefined) {
      this.#sure = sure;
      this.#failures = 0;
    }
    await this.#save(false);
  }

  #untilSaved(): number {
    if (this.#sure === this.#saved) return Number.POSITIVE_INFINITY;
    return Math.max(1, this.#savedAt + saveInterval - Date.now());
  }

  async #save(now: boolean): Promise<void> {
    if (this.#sure === this.#saved || !this.#sure || (!now && this.#untilSaved() > 1)) return;
    const place = this.#sure;
    this.#savedAt = Date.now();
    try {
      await writePosition(this.#options.path, place);
      this.#saved = place;
    } catch {
      /* Without a position on disk a crash has lines sent again: better than sending none. */
    }
  }
}

function lostText({ description }: RemoteDriver): string {
  return `lines of a container's log were rotated away before ${description} took them`;
}
