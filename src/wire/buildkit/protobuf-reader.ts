/** Reads the encoding of Protocol Buffers: variable-length integers, tags and strings of bytes. */
import { EngineError } from '../../errors/engine-error.ts';

export class ProtobufReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** As a signed 64-bit integer; what is beyond 2^53 loses its last digits. */
  varint(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let factor = 0x80;
    for (let count = 1; count < 10; count += 1) {
      const byte = this.#byte();
      /* The tenth byte has the sign bit of a number below zero; its lower bytes add up to 2^63 - …. */
      if (count === 9) return Number(BigInt.asIntN(64, this.#again(count + 1)));
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw malformed();
  }

  bigVarint(): bigint {
    let value = 0n;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw malformed();
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const length = this.varint();
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw malformed();
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  skip(wireType: number): void {
    if (wireType === 0) this.bigVarint();
    else if (wireType === 2) this.bytes();
    else if (wireType === 1) this.#at += 8;
    else if (wireType === 5) this.#at += 4;
    else throw malformed();
    if (this.#at > this.#bytes.length) throw malformed();
  }

  #again(count: number): bigint {
    this.#at -= count;
    return this.bigVarint();
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed();
    this.#at += 1;
    return byte;
  }
}

function malformed(): EngineError {
  return new EngineError('invalid-argument', 'malformed message: it ends too early or is no protocol buffer');
}
