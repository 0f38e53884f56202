/**
 * Many streams over one connection, for `gantry build`: each side opens channels, each of which is a stream in both directions with a heading in JSON.
 * A frame is a length (4 bytes), a kind (1), a channel's number (4), all big-endian, then that many bytes. Nobody sends more on a channel than the
 * other side has granted, so that one that is not read holds up no other.
 */
import { Duplex } from 'node:stream';
import { EngineError, errorCodes, messageOf } from '../errors/engine-error.ts';

const kinds = ['open', 'data', 'end', 'error', 'grant'] as const;
type Kind = (typeof kinds)[number];

const headerSize = 9;
/** Bytes of a frame, and those that a side may send on a channel before any was read. */
const maxFrame = 16 * 1024 * 1024;
const piece = 64 * 1024;
const windowSize = 1024 * 1024;

/** The connection. */
export interface ChannelTransport {
  source: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written. */
  write(data: Uint8Array): Promise<unknown>;
  close(): void;
}

export interface ChannelsOptions {
  /** One side numbers its channels evenly, the other oddly. */
  isServer: boolean;
  /** The other side has opened a channel. Nothing may be thrown. */
  onOpen: (heading: unknown, channel: Channel) => void;
}

type Send = (kind: Kind, id: number, data: Uint8Array) => Promise<unknown>;

/** Ended for writing by `end()`; destroyed with an error, the other side's reader has it too. */
export class Channel extends Duplex {
  readonly #id: number;
  readonly #send: Send;
  readonly #onClose: () => void;
  #credit = windowSize;
  #waiting: (() => void) | undefined;
  /** Bytes that were read here and not granted anew. */
  #unread = 0;

  constructor(id: number, send: Send, onClose: () => void) {
    super({ readableHighWaterMark: windowSize, writableHighWaterMark: windowSize });
    this.#id = id;
    this.#send = send;
    this.#onClose = onClose;
    /* A failure is told to the other side; whoever reads or writes here sees it too. */
    this.on('error', () => undefined);
  }

  receive(kind: Exclude<Kind, 'open'>, data: Buffer): void {
    if (kind === 'data') {
      this.#unread += data.length;
      if (this.push(data)) this.#grant();
    } else if (kind === 'end') this.push(null);
    else if (kind === 'error') this.destroy(remoteError(data));
    else {
      this.#credit += data.readUInt32BE(0);
      this.#waiting?.();
    }
  }

  override _read(): void {
    this.#grant();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#sendAll(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#send('end', this.#id, Buffer.alloc(0)).then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#waiting?.();
    if (error !== null) void this.#send('error', this.#id, encodeError(error));
    else if (!this.writableFinished) void this.#send('error', this.#id, encodeError(new Error('given up')));
    this.#onClose();
    callback(error);
  }

  #grant(): void {
    if (this.#unread === 0 || this.destroyed) return;
    const grant = Buffer.alloc(4);
    grant.writeUInt32BE(this.#unread);
    this.#unread = 0;
    void this.#send('grant', this.#id, grant);
  }

  async #sendAll(chunk: Buffer): Promise<void> {
    let offset = 0;
    while (offset < chunk.length && !this.destroyed) {
      if (this.#credit === 0) {
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
        continue;
      }
      const end = Math.min(chunk.length, offset + Math.min(piece, this.#credit));
      this.#credit -= end - offset;
      await this.#send('data', this.#id, chunk.subarray(offset, end));
      offset = end;
    }
  }
}

/** Both sides of a connection make one. It is over when `run` resolves. */
export class Channels {
  readonly #transport: ChannelTransport;
  readonly #options: ChannelsOptions;
  readonly #open = new Map<number, Channel>();
  #next: number;

  constructor(transport: ChannelTransport, options: ChannelsOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#next = options.isServer ? 2 : 1;
  }

  open(heading: unknown): Channel {
    const id = this.#next;
    this.#next += 2;
    const channel = this.#make(id);
    void this.#send('open', id, Buffer.from(JSON.stringify(heading)));
    return channel;
  }

  /** Reads until the connection ends; channels that are open then fail. EngineError `data-loss` for what is no frame. */
  async run(): Promise<void> {
    let reason = new EngineError('unavailable', 'the other side has closed the connection');
    const reader = new FrameReader((kind, id, data) => this.#receive(kind, id, data));
    try {
      for await (const chunk of this.#transport.source)
        reader.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    } catch (error) {
      reason = new EngineError('unavailable', messageOf(error), { cause: error });
      if (error instanceof EngineError && error.code === 'data-loss') throw error;
    } finally {
      for (const channel of this.#open.values()) channel.destroy(reason);
      this.#transport.close();
    }
  }

  close(): void {
    this.#transport.close();
  }

  readonly #send: Send = async (kind, id, data) => {
    const header = Buffer.alloc(headerSize);
    header.writeUInt32BE(data.length, 0);
    header[4] = kinds.indexOf(kind);
    header.writeUInt32BE(id, 5);
    try {
      await this.#transport.write(Buffer.concat([header, data]));
    } catch {
      // A connection that can't be written to any more ends for the reader, too: `run` says so.
    }
  };

  #make(id: number): Channel {
    const channel = new Channel(id, this.#send, () => this.#open.delete(id));
    this.#open.set(id, channel);
    return channel;
  }

  #receive(kind: Kind, id: number, data: Buffer): void {
    if (kind !== 'open') {
      // Of one that was closed here meanwhile.
      this.#open.get(id)?.receive(kind, data);
      return;
    }
    if (this.#open.has(id)) throw new EngineError('data-loss', `channel ${id} is open already`);
    const heading: unknown = JSON.parse(data.toString('utf8'));
    this.#options.onOpen(heading, this.#make(id));
  }
}

class FrameReader {
  readonly #take: (kind: Kind, id: number, data: Buffer) => void;
  #pending: Buffer[] = [];
  #length = 0;
  #wanted = headerSize;

  constructor(take: (kind: Kind, id: number, data: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return;
    let data = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending);
    for (;;) {
      this.#wanted = headerSize;
      if (data.length < headerSize) break;
      const size = data.readUInt32BE(0);
      const kind = kinds[data[4] ?? 255];
      if (size > maxFrame || kind === undefined)
        throw new EngineError('data-loss', 'what came over the connection is no frame');
      this.#wanted = headerSize + size;
      if (data.length < this.#wanted) break;
      this.#take(kind, data.readUInt32BE(5), data.subarray(headerSize, this.#wanted));
      data = data.subarray(this.#wanted);
    }
    this.#pending = data.length === 0 ? [] : [data];
    this.#length = data.length;
  }
}

export interface WireError {
  code: string;
  message: string;
  hint?: string;
  details?: Readonly<Record<string, string | number | boolean>>;
}

/** What failed, for the other side. */
export function encodeError(error: unknown): Buffer {
  const wire: WireError =
    error instanceof EngineError
      ? {
          code: error.code,
          message: error.message,
          ...(error.hint === undefined ? {} : { hint: error.hint }),
          details: error.details,
        }
      : { code: 'internal', message: messageOf(error) };
  return Buffer.from(JSON.stringify(wire));
}

function remoteError(data: Buffer): EngineError {
  try {
    return decodeError(JSON.parse(data.toString('utf8')));
  } catch {
    return new EngineError('internal', data.toString('utf8'));
  }
}

/** The error that `encodeError` has written, parsed. */
export function decodeError(value: WireError): EngineError {
  const code = errorCodes.find((one) => one === value.code) ?? 'internal';
  return new EngineError(code, value.message, {
    ...(value.hint === undefined ? {} : { hint: value.hint }),
    ...(value.details === undefined ? {} : { details: value.details }),
  });
}
