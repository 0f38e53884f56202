/** Datagrams to a UNIX socket, which Node.js has not: the native helper sends them. */
import { EngineError } from '../../../errors/engine-error.ts';
import { errnoName } from '../../../host/launcher-codec.ts';
import type { StepFailure } from '../../../host/launcher-types.ts';

/** Sends `messages` to the datagram socket at `path`, in order, up to the first failure. */
export type SendDatagrams = (
  path: string,
  messages: readonly Uint8Array[],
) => Promise<StepFailure | undefined>;

/** Bytes and messages of one request to the helper. */
const maxBytes = 1 << 20;
const maxMessages = 1000;

export class UnixDatagrams {
  readonly #path: string;
  readonly #send: SendDatagrams;
  readonly #lost = new AbortController();

  constructor(path: string, send: SendDatagrams) {
    this.#path = path;
    this.#send = send;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** EngineError `unavailable` where the receiver is gone or takes nothing. A message that is too long for it is left out. */
  async send(messages: readonly Uint8Array[]): Promise<void> {
    for (let next = 0; next < messages.length; ) {
      const lot = lotFrom(messages, next);
      const failure = await this.#send(this.#path, lot);
      if (failure === undefined) next += lot.length;
      else if (errnoName(failure.errno) === 'EMSGSIZE') next += failure.index + 1;
      else throw new EngineError('unavailable', `dial unixgram ${this.#path}: ${errnoName(failure.errno)}`);
    }
  }

  close(): void {
    this.#lost.abort();
  }
}

function lotFrom(messages: readonly Uint8Array[], from: number): Uint8Array[] {
  const lot: Uint8Array[] = [];
  let bytes = 0;
  for (const message of messages.slice(from, from + maxMessages)) {
    bytes += message.length;
    if (lot.length > 0 && bytes > maxBytes) break;
    lot.push(message);
  }
  return lot;
}
