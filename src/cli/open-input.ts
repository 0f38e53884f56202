/** Opens files that a command reads, with docker's words where that fails. */

import { once } from 'node:events';
import type { ReadStream } from 'node:fs';
import { fileError } from './run-config/variables.ts';

/** The open stream. EngineError `invalid-argument` "open /nope: no such file or directory". */
export async function openInput(path: string, open: (path: string) => ReadStream): Promise<ReadStream> {
  const stream = open(path);
  try {
    await once(stream, 'open');
    return stream;
  } catch (error) {
    throw fileError('open', path, error);
  }
}

/** All of a short text. */
export async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks).toString();
}
