/** The body of an HTTP/1.1 response: of a known length, chunked, or up to the end of the connection. */
import { EngineError } from '../errors/engine-error.ts';
import type { ByteSource } from './byte-source.ts';
import type { ResponseHead } from './response-head.ts';

/** The bytes of the body as they come. EngineError `data-loss` if the connection ends within it. */
export function readBody(
  method: string,
  head: ResponseHead,
  source: ByteSource,
): AsyncGenerator<Buffer, void> {
  const { status, headers } = head;
  if (method === 'HEAD' || status === 204 || status === 304) return readExactly(source, 0);
  if (headers.get('transfer-encoding')?.toLowerCase().endsWith('chunked')) return readChunks(source);
  const length = headers.get('content-length');
  return length === undefined ? readToEnd(source) : readExactly(source, Number(length));
}

/** The bytes up to the end of the connection: also what follows an upgrade. */
export async function* readToEnd(source: ByteSource): AsyncGenerator<Buffer, void> {
  for (let chunk = await source.read(); chunk !== undefined; chunk = await source.read()) yield chunk;
}

async function* readExactly(source: ByteSource, length: number): AsyncGenerator<Buffer, void> {
  let remaining = length;
  while (remaining > 0) {
    const chunk = await source.read();
    if (chunk === undefined) throw truncated();
    if (chunk.length > remaining) source.unread(chunk.subarray(remaining));
    yield chunk.subarray(0, remaining);
    remaining -= Math.min(remaining, chunk.length);
  }
}

async function* readChunks(source: ByteSource): AsyncGenerator<Buffer, void> {
  for (;;) {
    const line = await readLine(source);
    const size = /^([0-9a-fA-F]{1,12})\s*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined)
      throw new EngineError('data-loss', `malformed chunk size ${JSON.stringify(line.slice(0, 40))}`);
    const length = Number.parseInt(size, 16);
    if (length === 0) return readTrailer(source);
    yield* readExactly(source, length);
    if ((await readLine(source)) !== '') throw new EngineError('data-loss', 'malformed chunked encoding');
  }
}

async function readTrailer(source: ByteSource): Promise<void> {
  while ((await readLine(source)) !== '');
}

async function readLine(source: ByteSource): Promise<string> {
  let line: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = await source.read();
    if (chunk === undefined) throw truncated();
    const end = chunk.indexOf(0x0a);
    line =
      line.length === 0
        ? chunk.subarray(0, end < 0 ? undefined : end)
        : Buffer.concat([line, chunk.subarray(0, end < 0 ? undefined : end)]);
    if (line.length > 16_384)
      throw new EngineError('data-loss', 'a line of the chunked encoding is too long');
    if (end < 0) continue;
    source.unread(chunk.subarray(end + 1));
    return line.toString('latin1').replace(/\r$/, '');
  }
}

function truncated(): EngineError {
  return new EngineError('data-loss', 'unexpected EOF: the daemon closed the connection within its answer');
}
