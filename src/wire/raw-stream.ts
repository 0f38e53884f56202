/** The framing of attach, logs and exec without a terminal: 8 bytes of header (stream, 0, 0, 0, length), then the data. */
import { EngineError } from '../errors/engine-error.ts';

/** Of a stream without a terminal, from API 1.42 on. */
export const multiplexedContentType = 'application/vnd.docker.multiplexed-stream';

/** Of a terminal's stream, and of every stream before API 1.42. */
export const rawContentType = 'application/vnd.docker.raw-stream';

/** `systemerr` carries an error of the daemon in the middle of a stream. */
export const frameStreams = ['stdin', 'stdout', 'stderr', 'systemerr'] as const;
export type FrameStream = (typeof frameStreams)[number];

export interface Frame {
  stream: FrameStream;
  data: Buffer;
}

/** Bytes. */
export const frameHeaderSize = 8;

/** The header for `length` bytes of `stream`, to be written just before them. */
export function frameHeader(stream: FrameStream, length: number): Buffer {
  const header = Buffer.alloc(frameHeaderSize);
  header[0] = frameStreams.indexOf(stream);
  header.writeUInt32BE(length, 4);
  return header;
}

/** Writes the header of each message into the room that was left before it. `ends`: offsets just after each message. */
export function fillFrameHeaders(stream: FrameStream, data: Buffer, ends: readonly number[]): void {
  let start = 0;
  for (const end of ends) {
    data.writeUInt32BE(frameStreams.indexOf(stream) * 2 ** 24, start);
    data.writeUInt32BE(end - start - frameHeaderSize, start + 4);
    start = end;
  }
}

/** Header and data in one buffer. */
export function encodeFrame(stream: FrameStream, data: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(stream, data.length), data]);
}

/**
 * Cuts a stream of bytes into frames. A long frame is handed on in the pieces in which it comes,
 * so memory stays bounded by the chunks given. EngineError `data-loss` for a bad header.
 */
export class FrameDecoder {
  #header: Buffer = Buffer.alloc(0);
  #stream: FrameStream = 'stdout';
  #remaining = 0;

  /** The pieces of frames that `chunk` holds, in order. */
  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#remaining === 0) {
        offset = this.#readHeader(chunk, offset);
        continue;
      }
      const end = Math.min(chunk.length, offset + this.#remaining);
      frames.push({ stream: this.#stream, data: chunk.subarray(offset, end) });
      this.#remaining -= end - offset;
      offset = end;
    }
    return frames;
  }

  /** Says that the stream has ended. EngineError `data-loss` if it did so within a frame. */
  end(): void {
    if (this.#remaining > 0 || this.#header.length > 0) {
      throw new EngineError('data-loss', 'the stream ended within a frame');
    }
  }

  /** Takes header bytes from `offset` on; returns the offset after them. */
  #readHeader(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + frameHeaderSize - this.#header.length);
    this.#header = Buffer.concat([this.#header, chunk.subarray(offset, end)]);
    if (this.#header.length < frameHeaderSize) return end;
    const stream = frameStreams[this.#header[0] ?? 0];
    if (stream === undefined) throw new EngineError('data-loss', `unrecognized stream: ${this.#header[0]}`);
    this.#stream = stream;
    this.#remaining = this.#header.readUInt32BE(4);
    this.#header = Buffer.alloc(0);
    return end;
  }
}
