/** Finds out by its first bytes how a stream is compressed, and gives the plain one. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { EngineError } from '../errors/engine-error.ts';
import { ZstdFrames } from './zstd-frames.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Large, so that few calls carry much. */
const outputChunk = 512 * 1024;
const magicLength = 6;

/** The compression that a stream beginning with `head` has. EngineError `not-implemented` for one that Gantry does not read. */
export function detectCompression(head: Uint8Array): Compression {
  const hex = Buffer.from(head.subarray(0, magicLength)).toString('hex');
  if (hex.startsWith('1f8b08')) return 'gzip';
  // A frame, or a skippable one in front of it (RFC 8878, 3.1.1 and 3.1.2).
  if (hex.startsWith('28b52ffd') || /^5[0-9a-f]2a4d18/.test(hex)) return 'zstd';
  if (hex.startsWith('fd377a585a00')) throw unsupported('xz');
  if (hex.startsWith('425a68')) throw unsupported('bzip2');
  return 'none';
}

function unsupported(name: string): EngineError {
  return new EngineError('not-implemented', `archives compressed with ${name} are not supported`, {
    hint: `decompress it first: ${name} -d`,
  });
}

/** Resolves when there may be more to read, or never will be. */
function untilReadable(source: Readable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ['readable', 'end', 'close', 'error'] as const;
  const done = (): void => {
    for (const event of events) source.off(event, done);
    resolve();
  };
  for (const event of events) source.on(event, done);
  return promise;
}

/** What `detectCompression` needs of `source`, and a stream with those bytes still in it: `source` itself, unless it was that short. */
async function peek(source: Readable): Promise<{ head: Buffer; whole: Readable }> {
  const seen: Buffer[] = [];
  let length = 0;
  while (length < magicLength) {
    const chunk: Buffer | null = source.read();
    if (chunk !== null) {
      seen.push(chunk);
      length += chunk.length;
    } else if (source.readableEnded) {
      return { head: Buffer.concat(seen), whole: Readable.from(seen, { objectMode: true }) };
    } else if (source.destroyed) {
      throw source.errored ?? new EngineError('cancelled', 'the stream was closed before its end');
    } else {
      await untilReadable(source);
    }
  }
  const head = Buffer.concat(seen);
  source.unshift(head);
  return { head, whole: source };
}

const options = { chunkSize: outputChunk, readableHighWaterMark: 4 * outputChunk };

/** `source` without its compression. Errors of either stream arrive at the returned one, broken data as EngineError `data-loss`. */
export async function decompress(source: Readable): Promise<Readable> {
  const { head, whole } = await peek(source);
  const compression = detectCompression(head);
  if (compression === 'none') return whole;
  const plain = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  const stages = compression === 'gzip' ? [whole, plain] : [whole, new ZstdFrames(), plain];
  pipeline(stages).catch((error: unknown) => plain.destroy(broken(compression, error)));
  return plain;
}

function broken(compression: Compression, cause: unknown): Error {
  if (cause instanceof EngineError) return cause;
  return new EngineError(
    'data-loss',
    `broken ${compression} stream: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
}
