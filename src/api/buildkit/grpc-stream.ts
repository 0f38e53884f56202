/** One gRPC call's messages over an HTTP/2 stream, in either direction (grpc/grpc, doc/PROTOCOL-HTTP2.md). */
import { once } from 'node:events';
import type { Http2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';

/** Above what BuildKit's own limits are (16 MiB). */
const maxMessage = 32 * 1024 * 1024;

const prefixLength = 5;

/** EngineError `invalid-argument` for a message that is too large or compressed, which we never say that we accept. */
export async function* readMessages(stream: Http2Stream): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  /* Whoever has read enough may still have to write: leaving the loop must not destroy the stream. */
  const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      const end = endOfMessage(rest, at);
      if (end === undefined || end > rest.length) break;
      yield rest.subarray(at + prefixLength, end);
      at = end;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new EngineError('unavailable', 'the connection ended within a message');
}

/** Undefined where not even its length is there. */
function endOfMessage(bytes: Buffer, at: number): number | undefined {
  if (bytes.length < at + prefixLength) return undefined;
  if (bytes[at] !== 0)
    throw new EngineError('invalid-argument', 'a compressed message, which was not asked for');
  const length = bytes.readUInt32BE(at + 1);
  if (length > maxMessage) {
    throw new EngineError(
      'invalid-argument',
      `a message of ${length} bytes: more than ${maxMessage} are not taken`,
    );
  }
  return at + prefixLength + length;
}

/** Resolves once more may be written. EngineError `unavailable` where the other side is gone. */
export async function writeMessage(stream: Http2Stream, message: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.writableEnded) {
    throw new EngineError('unavailable', 'the other side of the call is gone');
  }
  const prefix = Buffer.alloc(prefixLength);
  prefix.writeUInt32BE(message.length, 1);
  const isWritable = stream.write(Buffer.concat([prefix, message]));
  if (isWritable) return;
  const closed = new AbortController();
  const onClose = (): void => closed.abort();
  stream.once('close', onClose);
  try {
    await once(stream, 'drain', { signal: closed.signal });
  } catch (cause) {
    throw new EngineError('unavailable', 'the other side of the call is gone', { cause });
  } finally {
    stream.off('close', onClose);
  }
}

/** HTTP/2 needs both directions, where connections of HTTP/1.1 may be open in one alone: the end of one is that of the connection. */
export function endTogether(connection: Duplex): void {
  connection.on('end', () => connection.destroy());
}

/** The limits of a connection's windows: Node's 64 KiB would have large files wait for each round trip. */
export const windowSize = 4 * 1024 * 1024;
export const http2Settings = {
  settings: { initialWindowSize: windowSize, enablePush: false },
  maxSessionMemory: 256,
};
