/** The entry point of an unpacking thread: hashes and extracts one layer at a time, with synchronous file system calls. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { TarReader } from '../util/tar/tar-reader.ts';
import { decompress } from './decompress.ts';
import { checkExpansion } from './expansion.ts';
import { LayerExtractor } from './layer-extractor.ts';
import type { UnpackReply, UnpackRequest } from './unpack-messages.ts';

interface Job {
  extractor: LayerExtractor;
  reader: TarReader;
  hash: Hash;
  /** Plain bytes so far, and how many they may be. */
  taken: number;
  limit: number;
}

/** Shared with the daemon's thread, which fills it: no byte of a layer is copied to get here. */
const ring: SharedArrayBuffer = workerData;

const fileChunk = 256 * 1024;
/** What a pipe may hold. */
const pipeChunk = 256 * 1024;
/** Milliseconds. */
const reportInterval = 100;

let job: Job | undefined;

function reply(message: UnpackReply): void {
  parentPort?.postMessage(message);
}

function begin(root: string, limit = Number.POSITIVE_INFINITY): Job {
  const extractor = new LayerExtractor(root);
  return { extractor, reader: new TarReader(extractor), hash: createHash('sha256'), taken: 0, limit };
}

function take(current: Job, data: Buffer): void {
  current.taken += data.length;
  checkExpansion(current.taken, current.limit);
  current.hash.update(data);
  current.reader.push(data);
}

function end({ hash, reader, extractor }: Job): void {
  reader.finish();
  reply({
    kind: 'extracted',
    diffId: `sha256:${hash.digest('hex')}`,
    operations: extractor.nodeOperations(),
  });
}

async function readFile(current: Job, path: string): Promise<void> {
  const file = createReadStream(path, { highWaterMark: fileChunk });
  let reportedAt = Date.now();
  for await (const chunk of await decompress(file)) {
    take(current, chunk);
    if (Date.now() - reportedAt < reportInterval) continue;
    reportedAt = Date.now();
    reply({ kind: 'read', bytes: file.bytesRead });
  }
  reply({ kind: 'read', bytes: file.bytesRead });
  end(current);
}

/** Blocks this thread while the writer is behind: it has nothing else to do. */
function readPipe(current: Job, descriptor: number): void {
  const buffer = Buffer.allocUnsafe(pipeChunk);
  let [total, reportedAt] = [0, Date.now()];
  for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer)) {
    take(current, buffer.subarray(0, length));
    total += length;
    if (Date.now() - reportedAt < reportInterval) continue;
    reportedAt = Date.now();
    reply({ kind: 'read', bytes: total });
  }
  reply({ kind: 'read', bytes: total });
  end(current);
}

function fail(error: unknown): void {
  job?.extractor.abort();
  job = undefined;
  const known = error instanceof EngineError ? error : undefined;
  reply({
    kind: 'failed',
    code: known?.code,
    hint: known?.hint,
    errno: errnoOf(error),
    message: messageOf(error),
  });
}

function handle(request: UnpackRequest): void {
  switch (request.kind) {
    case 'begin':
      job = begin(request.root);
      break;
    case 'file':
      job = begin(request.root, request.limit);
      readFile(job, request.path).catch(fail);
      break;
    case 'pipe':
      job = begin(request.root, request.limit);
      readPipe(job, request.descriptor);
      break;
    case 'chunk': {
      const data = Buffer.from(ring, request.offset, request.length);
      if (job !== undefined) take(job, data);
      reply({ kind: 'consumed', bytes: data.length });
      break;
    }
    case 'end':
      if (job !== undefined) end(job);
      break;
    case 'finish': {
      if (job === undefined) break;
      const operations = job.extractor.finish();
      reply({
        kind: 'finished',
        operations,
        size: job.extractor.size,
        opaque: job.extractor.opaqueDirectories,
      });
      job = undefined;
      break;
    }
  }
}

parentPort?.on('message', (request: UnpackRequest) => {
  try {
    handle(request);
  } catch (error) {
    fail(error);
  }
});
