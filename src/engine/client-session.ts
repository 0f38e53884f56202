/** The session of one attached client, from before its process starts until one of them leaves. */
import { PassThrough, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attachment, AttachOptions } from '../runtime/runtime-types.ts';
import { Deferred } from '../util/deferred.ts';
import type { AttachSession, OutputChunk, WaitingSession } from './attach-session.ts';
import { DetachFilter } from './detach-keys.ts';

export interface ClientSessionOptions {
  tty: boolean;
  streams: AttachOptions;
  /** Bytes that detach a terminal's user. */
  detachKeys: readonly number[];
  /** Called when the client goes by its detach keys. */
  onDetach: () => void;
  /** Output in place of that of the process (the log, followed). */
  output?: AsyncIterable<OutputChunk>;
  /** The output's end waits for this (but not for long): the exit code is recorded before the client asks for it. */
  settled?: Promise<unknown>;
}

/** How long the end of the output waits for the end of the process. */
const settleMs = 2000;

export class ClientSession implements AttachSession, WaitingSession {
  readonly tty: boolean;
  readonly options: AttachOptions;
  readonly output: AsyncIterable<OutputChunk>;
  readonly input?: Writable;
  readonly #attachment = new Deferred<Attachment | undefined>();
  readonly #entry: DetachFilter | PassThrough | undefined;
  #connected: Attachment | undefined;
  #closed = false;

  constructor(options: ClientSessionOptions) {
    this.tty = options.tty;
    this.options = options.streams;
    this.output = options.output ?? this.#read(options.settled);
    if (!options.streams.stdin) return;
    const leave = (): void => {
      options.onDetach();
      this.close();
    };
    this.#entry = options.tty ? new DetachFilter(options.detachKeys, leave) : new PassThrough();
    this.#entry.on('error', () => undefined);
    this.input = this.#entry;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Joins the client and the process. */
  connect(attachment: Attachment): void {
    this.#connected = attachment;
    if (this.#closed) attachment.detach();
    this.#attachment.resolve(attachment);
    const { input } = attachment;
    const entry = this.#entry;
    if (input === undefined || entry === undefined) return;
    /* A process that reads no more: the client's input is dropped, its output goes on. */
    input.on('error', () => entry.destroy()).on('close', () => entry.destroy());
    entry.pipe(input);
  }

  cancel(): void {
    this.#attachment.resolve(undefined);
    this.#entry?.destroy();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#connected === undefined) this.cancel();
    else this.#connected.detach();
  }

  async *#read(settled: Promise<unknown> | undefined): AsyncGenerator<OutputChunk, void, undefined> {
    const attachment = await this.#attachment.promise;
    if (attachment === undefined) return;
    yield* attachment.output;
    if (settled === undefined || this.#closed) return;
    const giveUp = new AbortController();
    const patience = sleep(settleMs, undefined, { signal: giveUp.signal, ref: false });
    await Promise.race([settled, patience.catch(() => undefined)]);
    giveUp.abort();
  }
}
