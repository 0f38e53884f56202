/** Reads a short body as a whole. */
import type { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';

/** EngineError `resource-exhausted` above `limit` bytes. */
export async function readBytes(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit)
      throw new EngineError(
        'resource-exhausted',
        `the registry sent more than ${limit} bytes where a document was due`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function readText(body: Readable, limit: number): Promise<string> {
  return (await readBytes(body, limit)).toString('utf8');
}
