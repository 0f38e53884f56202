/** The entry point of an unpacking thread: hashes and extracts one layer at a time, with synchronous file system calls. */
import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { LayerExtractor } from './layer-extractor.ts';
import { TarReader } from './tar/tar-reader.ts';
import type { UnpackReply, UnpackRequest } from './unpack-messages.ts';

interface Job {
  extractor: LayerExtractor;
  reader: TarReader;
  hash: Hash;
}

let job: Job | undefined;

function reply(message: UnpackReply): void {
  parentPort?.postMessage(message);
}

function begin(root: string): Job {
  const extractor = new LayerExtractor(root);
  return { extractor, reader: new TarReader(extractor), hash: createHash('sha256') };
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
    case 'chunk': {
      const data = Buffer.from(request.data.buffer, request.data.byteOffset, request.data.byteLength);
      job?.hash.update(data);
      job?.reader.push(data);
      reply({ kind: 'consumed', bytes: data.length });
      break;
    }
    case 'end':
      if (job === undefined) break;
      job.reader.finish();
      reply({
        kind: 'extracted',
        diffId: `sha256:${job.hash.digest('hex')}`,
        operations: job.extractor.nodeOperations(),
      });
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
