/** Rewrites the times of a tar's members as it passes, and nothing else: for layers that are to be the same whenever they are built. */
import { tarError } from './tar-entry.ts';
import { blockSize } from './tar-header.ts';
import { parsePax, paxNumber } from './tar-pax.ts';

const digits = 11;
const timeAt = 136;
const sumAt = 148;

/** Extension headers whose bodies tell of the member that follows. */
const paxFlags = new Set(['x', 'g']);
const largestBody = 1024 * 1024;

/** Bytes of `source` in which no member is younger than `latest` (seconds since 1970). EngineError `invalid-argument` for what is no tar. */
export async function* clampTimes(
  source: AsyncIterable<Uint8Array>,
  latest: number,
): AsyncGenerator<Uint8Array> {
  const clamper = new Clamper(latest);
  for await (const chunk of source) yield* clamper.push(chunk);
  clamper.finish();
}

class Clamper {
  readonly #latest: number;
  /** The beginning of a block that is not all there. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes of the member's data, padding included, that pass as they are. */
  #passing = 0;
  /** A PAX body that is being gathered, and its length without padding. */
  #body: { bytes: Buffer; have: number; size: number } | undefined;
  /** From a PAX header, for the next member. */
  #size: number | undefined;

  constructor(latest: number) {
    this.#latest = latest;
  }

  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let data = chunk;
    if (this.#rest.length > 0) {
      data = Buffer.concat([this.#rest, chunk]);
      this.#rest = new Uint8Array(0);
    }
    for (let at = 0; at < data.length; ) {
      if (this.#passing > 0) {
        const part = data.subarray(at, at + this.#passing);
        this.#gather(part);
        this.#passing -= part.length;
        at += part.length;
        yield part;
        continue;
      }
      if (data.length - at < blockSize) {
        this.#rest = Uint8Array.prototype.slice.call(data, at);
        return;
      }
      yield this.#header(Buffer.from(data.subarray(at, at + blockSize)));
      at += blockSize;
    }
  }

  finish(): void {
    if (this.#passing > 0 || this.#rest.length > 0) throw tarError('unexpected EOF');
  }

  #header(block: Buffer): Buffer {
    if (block.every((byte) => byte === 0)) return block;
    const flag = String.fromCharCode(block[156] ?? 0);
    const time = octalAt(block, timeAt, digits);
    if (time > this.#latest) {
      block.write(this.#latest.toString(8).padStart(digits, '0'), timeAt, 'latin1');
      writeSum(block);
    }
    const ownSize = octalAt(block, 124, digits + 1);
    if (paxFlags.has(flag)) {
      if (ownSize > largestBody) throw tarError();
      this.#body = { bytes: Buffer.alloc(ownSize), have: 0, size: ownSize };
      this.#passing = padded(ownSize);
      return block;
    }
    const size = this.#size ?? ownSize;
    this.#size = undefined;
    // Links and directories may name a size, and have no data.
    this.#passing = flag === '0' || flag === '\0' || flag === '7' ? padded(size) : 0;
    return block;
  }

  /** Sizes of 8 GiB and more stand in PAX headers. */
  #gather(part: Uint8Array): void {
    const body = this.#body;
    if (body === undefined) return;
    const wanted = part.subarray(0, body.size - body.have);
    body.bytes.set(wanted, body.have);
    body.have += wanted.length;
    if (this.#passing > part.length) return;
    this.#body = undefined;
    const size = parsePax(body.bytes).findLast(([key]) => key === 'size')?.[1];
    if (size !== undefined) this.#size = paxNumber(size);
  }
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

function octalAt(block: Buffer, offset: number, length: number): number {
  const text = block
    .toString('latin1', offset, offset + length)
    .replace(/[\0 ].*$/s, '')
    .trim();
  return text === '' ? 0 : Number.parseInt(text, 8) || 0;
}

function writeSum(block: Buffer): void {
  block.write('        ', sumAt, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, sumAt, 'latin1');
}
