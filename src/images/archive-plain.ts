/** An archive from a user, without its compression, whichever it is, and never more of it than there may be. */
import { Readable } from 'node:stream';
import { filterStream } from '../host/filter-process.ts';
import { decompress, detectCompression } from '../snapshots/decompress.ts';
import { checkExpansion, expansionLimit } from '../snapshots/expansion.ts';

/** Formats that the host's programs read; Docker takes them too. A dictionary may not fill the memory. */
const programs = [
  { magic: 'fd377a585a00', argv: ['xz', '-dc', '--memlimit-decompress=512MiB'], package: 'xz-utils' },
  { magic: '425a68', argv: ['bzip2', '-dc'], package: 'bzip2' },
] as const;

const magicLength = 6;

/**
 * The plain bytes of `source`, which is read no faster than they are. EngineErrors arrive at the stream: `data-loss` for broken data,
 * `not-implemented` for a format that the host has no program for, `resource-exhausted` where it expands beyond `maxExpansion`.
 */
export function plainArchive(source: Readable, maxExpansion: number): Readable {
  return Readable.from(plainChunks(source, maxExpansion), { objectMode: false, highWaterMark: 1024 * 1024 });
}

async function* plainChunks(source: Readable, maxExpansion: number): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  const head = await readHead(chunks);
  const hex = head.toString('hex', 0, magicLength);
  const program = programs.find(({ magic }) => hex.startsWith(magic));
  let compressed = head.length;
  const counted = Readable.from(
    rejoin(head, chunks, (length) => {
      compressed += length;
    }),
    { objectMode: false },
  );
  if (program === undefined && detectCompression(head) === 'none') {
    yield* counted;
    return;
  }
  const plain =
    program === undefined ? await decompress(counted) : filterStream(program.argv, counted, program.package);
  let length = 0;
  for await (const chunk of plain) {
    length += chunk.length;
    checkExpansion(length, expansionLimit(compressed, maxExpansion));
    yield chunk;
  }
}

async function readHead(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  const seen: Buffer[] = [];
  for (let length = 0; length < magicLength; ) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    seen.push(value);
    length += value.length;
  }
  return Buffer.concat(seen);
}

async function* rejoin(
  head: Buffer,
  rest: AsyncIterator<Buffer>,
  onChunk: (length: number) => void,
): AsyncGenerator<Buffer> {
  try {
    if (head.length > 0) yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      onChunk(next.value.length);
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}
