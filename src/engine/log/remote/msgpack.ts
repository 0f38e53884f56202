/** The part of MessagePack that fluentd's forward protocol needs (github.com/msgpack/msgpack, spec.md). */

/** Writes values one after the other. */
export class MsgpackWriter {
  readonly #parts: Buffer[] = [];

  array(length: number): this {
    return this.#head(length, { fix: 0x90, fixMax: 15, two: 0xdc, four: 0xdd });
  }

  /** Of so many pairs. */
  map(length: number): this {
    return this.#head(length, { fix: 0x80, fixMax: 15, two: 0xde, four: 0xdf });
  }

  text(value: string | Buffer): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.#head(bytes.length, { fix: 0xa0, fixMax: 31, one: 0xd9, two: 0xda, four: 0xdb });
    this.#parts.push(bytes);
    return this;
  }

  /** Whole numbers from 0 to 2^53. */
  unsigned(value: number): this {
    if (value < 128) this.#parts.push(Buffer.from([value]));
    else if (value < 2 ** 32) this.#number(0xce, value);
    else {
      const bytes = Buffer.alloc(9, 0xcf);
      bytes.writeBigUInt64BE(BigInt(value), 1);
      this.#parts.push(bytes);
    }
    return this;
  }

  /** Fluentd's EventTime: extension 0 of eight bytes (fluentd, Forward Protocol Specification v1). */
  eventTime(seconds: number, nanoseconds: number): this {
    const bytes = Buffer.from([0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.writeUInt32BE(seconds >>> 0, 2);
    bytes.writeUInt32BE(nanoseconds, 6);
    this.#parts.push(bytes);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #head(
    length: number,
    codes: { fix: number; fixMax: number; one?: number; two: number; four: number },
  ): this {
    if (length <= codes.fixMax) this.#parts.push(Buffer.from([codes.fix | length]));
    else if (codes.one !== undefined && length < 256) this.#parts.push(Buffer.from([codes.one, length]));
    else if (length < 65_536) this.#parts.push(Buffer.from([codes.two, length >> 8, length & 0xff]));
    else this.#number(codes.four, length);
    return this;
  }

  #number(code: number, value: number): void {
    const bytes = Buffer.alloc(5, code);
    bytes.writeUInt32BE(value, 1);
    this.#parts.push(bytes);
  }
}

/** Reads `{"ack": TEXT}` from the beginning of `bytes`; undefined where it isn't all there yet. Throws for anything else. */
export function readAck(bytes: Buffer): { ack: string; length: number } | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== 0x81) throw new Error('the receiver does not answer as fluentd does');
  const key = readText(bytes, 1);
  const value = key === undefined ? undefined : readText(bytes, key.end);
  if (key === undefined || value === undefined) return undefined;
  if (key.text !== 'ack') throw new Error('the receiver does not answer as fluentd does');
  return { ack: value.text, length: value.end };
}

function readText(bytes: Buffer, at: number): { text: string; end: number } | undefined {
  const code = bytes[at];
  if (code === undefined) return undefined;
  const isFix = (code & 0xe0) === 0xa0;
  if (!isFix && code !== 0xd9 && code !== 0xc4)
    throw new Error('the receiver does not answer as fluentd does');
  const start = isFix ? at + 1 : at + 2;
  const length = isFix ? code & 0x1f : bytes[at + 1];
  if (length === undefined || bytes.length < start + length) return undefined;
  return { text: bytes.toString('utf8', start, start + length), end: start + length };
}
