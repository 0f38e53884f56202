/** The log driver `fluentd`: the forward protocol (github.com/fluent/fluentd/wiki, Forward Protocol Specification v1) over TCP, TLS or a UNIX socket. */
import { randomBytes } from 'node:crypto';
import { EngineError } from '../../../errors/engine-error.ts';
import type { LogContext } from '../context.ts';
import {
  booleanOption,
  durationOption,
  integerOption,
  invalidOption,
  type LogOptions,
  sizeOption,
} from '../options.ts';
import { type Address, describeAddress, parseAddress } from './address.ts';
import { MsgpackWriter, readAck } from './msgpack.ts';
import { type LogMessage, type LogSink, patientDriver, type RemoteDriver } from './sink.ts';
import { StreamConnection } from './stream-connection.ts';

export interface FluentdSettings {
  address: Address;
  async: boolean;
  retryMs: number;
  maxRetries: number;
  reconnectMs: number;
  /** Milliseconds; 0 for none. */
  writeTimeout: number;
  subSecondPrecision: boolean;
  requestAck: boolean;
}

const defaultAddress = 'tcp://127.0.0.1:24224';
const schemes = { tcp: 'tcp', unix: 'unix', tls: 'tls' } as const;
/** Milliseconds that a receiver may take to confirm. */
const ackTimeout = 60_000;

/** EngineError `invalid-argument`. */
export function fluentdSettings(options: LogOptions): FluentdSettings {
  const text = options['fluentd-address'] || defaultAddress;
  const address = parseAddress(text.includes('://') ? text : `tcp://${text}`, {
    name: 'fluentd-address',
    schemes,
    defaultPort: 24_224,
  });
  if (options['fluentd-async'] !== undefined && options['fluentd-async-connect'] !== undefined) {
    throw invalidOption(
      "conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'",
      'leave out fluentd-async-connect',
    );
  }
  /* What waits is in the file: the limit of a buffer in memory is only checked. */
  sizeOption(options, 'fluentd-buffer-limit', 0);
  return {
    address,
    async: booleanOption(options, 'fluentd-async') || booleanOption(options, 'fluentd-async-connect'),
    retryMs: durationOption(options, 'fluentd-retry-wait', patientDriver.retryMs),
    maxRetries: integerOption(options, 'fluentd-max-retries', {
      initial: Number.POSITIVE_INFINITY,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
    }),
    reconnectMs: reconnectOf(options),
    writeTimeout: durationOption(options, 'fluentd-write-timeout', 0),
    subSecondPrecision: booleanOption(options, 'fluentd-sub-second-precision'),
    requestAck: booleanOption(options, 'fluentd-request-ack'),
  };
}

function reconnectOf(options: LogOptions): number {
  const interval = durationOption(options, 'fluentd-async-reconnect-interval', 0);
  if (interval === 0) return Number.POSITIVE_INFINITY;
  if (interval >= 100 && interval <= 10_000) return interval;
  throw invalidOption(
    'invalid value for fluentd-async-reconnect-interval: value must be between 100ms and 10s',
    'write a duration from 100ms to 10s',
  );
}

export function fluentdDriver(settings: FluentdSettings, context: LogContext): RemoteDriver {
  return {
    description: `fluentd at ${describeAddress(settings.address)}`,
    retryMs: settings.retryMs,
    maxRetries: settings.maxRetries,
    reconnectMs: settings.reconnectMs,
    neededAtStart: !settings.async,
    open: () => openFluentd(settings, context),
  };
}

async function openFluentd(settings: FluentdSettings, context: LogContext): Promise<LogSink> {
  const connection = await StreamConnection.open(settings.address, undefined, settings.writeTimeout);
  const writeEntry = entryWriter(settings, context);
  const close = (): void => connection.close();
  if (settings.requestAck) {
    const acks = new Acks(connection);
    const send = async (messages: readonly LogMessage[]): Promise<void> => {
      const chunk = randomBytes(16).toString('base64');
      const acknowledged = acks.wait(chunk);
      acknowledged.catch(() => {});
      await connection.write(forwardMode(context.tag, chunk, messages, writeEntry));
      await acknowledged;
    };
    return { lost: connection.lost, doubtMs: 0, send, close };
  }
  const send = (messages: readonly LogMessage[]): Promise<void> => {
    const writer = new MsgpackWriter();
    for (const message of messages) writeEntry(writer.array(3).text(context.tag), message);
    return connection.write(writer.bytes());
  };
  return { lost: connection.lost, doubtMs: 250, send, close };
}

type WriteEntry = (writer: MsgpackWriter, message: LogMessage) => void;

/** All messages in one, which the receiver confirms by the name of the chunk. */
function forwardMode(tag: string, chunk: string, messages: readonly LogMessage[], write: WriteEntry): Buffer {
  const writer = new MsgpackWriter().array(3).text(tag).array(messages.length);
  for (const message of messages) write(writer.array(2), message);
  return writer.map(2).text('chunk').text(chunk).text('size').unsigned(messages.length).bytes();
}

/** Time and record. */
function entryWriter({ subSecondPrecision }: FluentdSettings, context: LogContext): WriteEntry {
  const own = Object.entries(context.attributes);
  return (writer, { stream, text, time, partial }) => {
    if (subSecondPrecision) writer.eventTime(time.seconds, time.nanoseconds);
    else writer.unsigned(time.seconds);
    const pairs: Array<readonly [string, string]> = [
      ['container_id', context.id],
      ['container_name', `/${context.name}`],
      ['source', stream],
      ...own,
    ];
    if (partial !== undefined) {
      pairs.push(['partial_message', 'true'], ['partial_id', partial.id]);
      pairs.push(['partial_ordinal', String(partial.ordinal)], ['partial_last', String(partial.last)]);
    }
    writer
      .map(pairs.length + 1)
      .text('log')
      .text(text);
    for (const [key, value] of pairs) writer.text(key).text(value);
  };
}

/** Confirmations of chunks. */
class Acks {
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #connection: StreamConnection;
  #rest: Buffer = Buffer.alloc(0);

  constructor(connection: StreamConnection) {
    this.#connection = connection;
    connection.onData = (chunk) => this.#take(chunk);
    connection.lost.addEventListener('abort', () => this.#fail(connection.lost.reason), { once: true });
  }

  wait(chunk: string): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    this.#waiting.set(chunk, waiter);
    if (this.#connection.lost.aborted) this.#fail(this.#connection.lost.reason);
    const late = (): void => this.#fail(new EngineError('unavailable', 'the receiver confirms nothing'));
    const timer = setTimeout(late, ackTimeout);
    return waiter.promise.finally(() => clearTimeout(timer));
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    try {
      for (let found = readAck(this.#rest); found !== undefined; found = readAck(this.#rest)) {
        this.#rest = this.#rest.subarray(found.length);
        this.#waiting.get(found.ack)?.resolve();
        this.#waiting.delete(found.ack);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
