/** Files of `gantry build`'s side, listed first and then only what is not here yet: see `sync` in wire/build-session.ts. */
import { EngineError } from '../errors/engine-error.ts';
import type { Channel } from '../wire/channels.ts';
import { ContextListing } from './buildkit/context-entry.ts';
import type { FileSource } from './buildkit/session-context.ts';

/** A line has a path and a link's target. */
const maxLine = 64 * 1024;

export class ChannelFiles implements FileSource {
  readonly #channel: Channel;
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);
  readonly #sizes: number[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#chunks = channel.iterator({ destroyOnReturn: false });
  }

  async listing(): Promise<ContextListing> {
    const listing = new ContextListing();
    for (let line = await this.#line(); line !== ''; line = await this.#line()) {
      const stat = statOf(JSON.parse(line));
      this.#sizes.push(stat.size);
      listing.add(stat);
    }
    return listing;
  }

  async fetch(
    ids: readonly number[],
    take: (id: number, piece: Buffer | undefined) => Promise<void>,
  ): Promise<void> {
    this.#channel.write(`${JSON.stringify(ids)}\n`);
    for (const id of ids) {
      let left = this.#sizes[id] ?? 0;
      while (left > 0) {
        if (this.#pending.length === 0) await this.#more();
        const piece = this.#pending.subarray(0, left);
        this.#pending = this.#pending.subarray(piece.length);
        left -= piece.length;
        await take(id, piece);
      }
      await take(id, undefined);
    }
  }

  async finish(): Promise<void> {
    this.#channel.end();
    this.#channel.resume();
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true)
      throw new EngineError('unavailable', "the build's client ended the transfer of its files");
    this.#pending = this.#pending.length === 0 ? next.value : Buffer.concat([this.#pending, next.value]);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#pending.indexOf(10);
      if (end >= 0) {
        const line = this.#pending.toString('utf8', 0, end);
        this.#pending = this.#pending.subarray(end + 1);
        return line;
      }
      if (this.#pending.length > maxLine)
        throw new EngineError('invalid-argument', 'a line of a list of files is too long');
      await this.#more();
    }
  }
}

function statOf(value: unknown): Parameters<ContextListing['add']>[0] {
  if (!Array.isArray(value)) throw new EngineError('invalid-argument', 'a list of files has another form');
  const [path, mode, size, time, link]: unknown[] = value;
  if (
    typeof path !== 'string' ||
    typeof mode !== 'number' ||
    typeof size !== 'number' ||
    !Number.isSafeInteger(size) ||
    size < 0 ||
    typeof time !== 'string' ||
    !/^-?\d{1,19}$/.test(time) ||
    typeof link !== 'string'
  )
    throw new EngineError('invalid-argument', 'a list of files has an entry of another form');
  return {
    path,
    mode,
    size,
    modTime: BigInt(time),
    linkname: link,
    uid: 0,
    gid: 0,
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  };
}
