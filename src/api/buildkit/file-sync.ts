/** Fetches a client's files: `DiffCopy` of `moby.filesync.v1.FileSync`, as the receiving side (fsutil's packets). */
import { EngineError } from '../../errors/engine-error.ts';
import { Packet, packetType } from '../../wire/buildkit/session-messages.ts';
import { type ContextEntry, ContextListing } from './context-entry.ts';
import type { CallMetadata, ClientCall } from './grpc-client.ts';
import type { BuildSession } from './session-registry.ts';

export const diffCopyPath = '/moby.filesync.v1.FileSync/DiffCopy';

export interface SyncSelection {
  /** The client's name of the directory. */
  directory: string;
  /** Patterns of an ignore file. */
  exclude: readonly string[];
  /** Paths, with wildcards, that are needed, with what links among them lead to; everything where it is empty. */
  follow: readonly string[];
}

/** One exchange with the client: first what it has, then what is wanted of it. */
export class FileSync {
  readonly #call: ClientCall;

  /** EngineError `unavailable` where the session has ended. */
  constructor(session: BuildSession, selection: SyncSelection, signal: AbortSignal) {
    this.#call = session.client.open(diffCopyPath, metadataOf(selection), signal);
  }

  /** EngineErrors: `invalid-argument` for names that are not taken, `unavailable` for what the client could not read. */
  async listing(onEntry: () => void = () => undefined): Promise<ContextListing> {
    const listing = new ContextListing();
    for (;;) {
      const packet = await this.#next();
      if (packet.type !== packetType.stat) throw unexpected(packet);
      if (packet.stat === undefined) return listing;
      listing.add(packet.stat);
      onEntry();
    }
  }

  /**
   * Asks for the content of files, by their numbers in the listing, and hands over each piece of it; `piece` is undefined at a file's end.
   * Resolves when all is there.
   */
  async fetch(
    ids: readonly number[],
    take: (id: number, piece: Buffer | undefined) => Promise<void>,
  ): Promise<void> {
    const pending = new Set(ids);
    const asking = this.#ask(ids);
    /* Its failure is told by the reading below, too. */
    asking.catch(() => undefined);
    while (pending.size > 0) {
      const packet = await this.#next();
      if (packet.type !== packetType.data || !pending.has(packet.id)) throw unexpected(packet);
      const isEnd = packet.data.length === 0;
      if (isEnd) pending.delete(packet.id);
      await take(packet.id, isEnd ? undefined : packet.data);
    }
    await asking;
  }

  async #ask(ids: readonly number[]): Promise<void> {
    for (const id of ids) await this.#call.send(Packet.encode({ type: packetType.request, id }));
  }

  /** Says that all is there, and waits for the client's word. */
  async finish(): Promise<void> {
    await this.#call.send(Packet.encode({ type: packetType.finish }));
    this.#call.end();
    for await (const message of this.#call.messages) {
      const packet = Packet.decode(message);
      if (packet.type === packetType.error) throw failed(packet);
    }
  }

  /** Ends the exchange wherever it is. */
  cancel(): void {
    this.#call.cancel();
  }

  async #next(): Promise<Packet> {
    const next = await this.#call.messages.next();
    if (next.done === true)
      throw new EngineError('unavailable', "the build's client ended the transfer of its files");
    const packet = Packet.decode(next.value);
    if (packet.type === packetType.error) throw failed(packet);
    return packet;
  }
}

function failed(packet: Packet): EngineError {
  return new EngineError(
    'unavailable',
    `the build's client could not send its files: ${packet.data.toString('utf8')}`,
  );
}

function unexpected(packet: Packet): EngineError {
  return new EngineError(
    'invalid-argument',
    `an unexpected packet of type ${packet.type} in the transfer of files`,
  );
}

function metadataOf(selection: SyncSelection): CallMetadata {
  return {
    ...headerOf('dir-name', [selection.directory]),
    ...headerOf('exclude-patterns', selection.exclude),
    ...headerOf('followpaths', selection.follow),
  };
}

/** Headers are ASCII: where a value is not, all are escaped, which a second header says (buildkit, session/filesync). */
function headerOf(name: string, values: readonly string[]): CallMetadata {
  if (values.length === 0) return {};
  const isPlain = values.every((value) => /^[\x20-\x7e]*$/.test(value) && value === value.trim());
  if (isPlain) return { [name]: values };
  return { [name]: values.map(escapeQuery), [`${name}-encoded`]: '1' };
}

/** As a form's value: Go's QueryEscape. */
function escapeQuery(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2);
}

/** IDs of entries whose content can be asked for. */
export function hasContent(entry: ContextEntry): boolean {
  return entry.kind === 'file' && entry.linkname === '';
}
