/** Files that are open already as ends of a pipeline, which leaves them open. */
import type { FileHandle } from 'node:fs/promises';

const chunkSize = 128 * 1024;

/** The first `length` bytes; `look` sees each chunk. */
export async function* bytesOf(
  handle: FileHandle,
  length: number,
  look: (chunk: Buffer) => void = () => {},
): AsyncGenerator<Buffer, void, undefined> {
  for (let position = 0; position < length; ) {
    /* Another one each time: whoever takes it keeps it for a while. */
    const chunk = Buffer.allocUnsafe(Math.min(chunkSize, length - position));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return;
    look(chunk.subarray(0, bytesRead));
    yield chunk.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** Takes all that comes, from where the file was last written on. */
export function writeAll(handle: FileHandle): (chunks: AsyncIterable<Buffer>) => Promise<void> {
  return async (chunks) => {
    for await (const chunk of chunks) await handle.writeFile(chunk);
  };
}
