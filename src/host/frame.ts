/** Frames and fields: the format in which the daemon talks with its native launcher and shims (docs/shim-protocol.md). */
import { EngineError } from '../errors/engine-error.ts';

export interface Frame {
  type: number;
  id: number;
  body: Buffer;
}

/** One value of a frame's body: text is sent with a terminating NUL, numbers as 8 bytes. */
export type Field = readonly [tag: number, value: string | Uint8Array | number | bigint];

const headerSize = 12;
const fieldHeaderSize = 8;

/** A body of fields, in order. Throws `invalid-argument` for text with a NUL inside, which no system call could take. */
export function encodeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(encodeField));
}

function encodeField([tag, value]: Field): Uint8Array[] {
  const bytes = encodeValue(value);
  const header = Buffer.allocUnsafe(fieldHeaderSize);
  header.writeUInt32LE(tag, 0);
  header.writeUInt32LE(bytes.length, 4);
  return [header, bytes];
}

function encodeValue(value: string | Uint8Array | number | bigint): Uint8Array {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new EngineError('invalid-argument', 'text with a NUL byte inside');
    return Buffer.from(`${value}\0`);
  }
  if (value instanceof Uint8Array) return value;
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
}

/** A path as a text field's value, byte for byte where it is not UTF-8. */
export function pathValue(path: string | Uint8Array): string | Uint8Array {
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.alloc(1)]);
}

/** The fields of a body. Throws `internal` where it is malformed. */
export function decodeFields(body: Buffer): Array<{ tag: number; value: Buffer }> {
  const fields: Array<{ tag: number; value: Buffer }> = [];
  for (let at = 0; at < body.length; ) {
    const end = at + fieldHeaderSize + (body.length - at < fieldHeaderSize ? 0 : body.readUInt32LE(at + 4));
    if (end > body.length || body.length - at < fieldHeaderSize)
      throw new EngineError('internal', 'malformed reply of the native helper');
    fields.push({ tag: body.readUInt32LE(at), value: body.subarray(at + fieldHeaderSize, end) });
    at = end;
  }
  return fields;
}

/** The first field of each tag. */
export function decodeRecord(body: Buffer): Map<number, Buffer> {
  return new Map(
    decodeFields(body)
      .toReversed()
      .map(({ tag, value }) => [tag, value]),
  );
}

/** A number field of a decoded record, or undefined where it has none. */
export function numberOf(record: ReadonlyMap<number, Buffer>, tag: number): number | undefined {
  const value = record.get(tag);
  return value === undefined || value.length !== 8 ? undefined : Number(value.readBigUInt64LE());
}

export function textOf(record: ReadonlyMap<number, Buffer>, tag: number): string | undefined {
  return record.get(tag)?.toString();
}

export function encodeFrame(type: number, id: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.allocUnsafe(headerSize);
  header.writeUInt32LE(body.length, 0);
  header.writeUInt32LE(type, 4);
  header.writeUInt32LE(id, 8);
  return Buffer.concat([header, body]);
}

/** Cuts a stream of chunks into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** The frames that `chunk` completes. Their bodies may share its memory. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed()) return [];
    const data = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const { frames, rest } = splitFrames(data);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    return frames;
  }

  /** Bytes of the first frame, so that a long one is put together once and not at each chunk. */
  #needed(): number {
    const first = this.#chunks[0];
    if (first === undefined || first.length < headerSize) return headerSize;
    return headerSize + first.readUInt32LE(0);
  }
}

function splitFrames(data: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (data.length - at >= headerSize) {
    const end = at + headerSize + data.readUInt32LE(at);
    if (end > data.length) break;
    frames.push({
      type: data.readUInt32LE(at + 4),
      id: data.readUInt32LE(at + 8),
      body: data.subarray(at + headerSize, end),
    });
    at = end;
  }
  return { frames, rest: data.subarray(at) };
}
