/** Writes the encoding of Protocol Buffers. */

export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  varint(value: number): void {
    if (value < 0 || !Number.isSafeInteger(value)) {
      this.bigVarint(BigInt(Math.trunc(value)));
      return;
    }
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
    this.#parts.push(Uint8Array.from(bytes));
  }

  /** Below zero: as 64 bits in two's complement, as int32 and int64 are. */
  bigVarint(value: bigint): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.#parts.push(Uint8Array.from(bytes));
  }

  /** With its length before it. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#parts.push(value);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
