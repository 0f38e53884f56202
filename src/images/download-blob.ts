/** Brings one blob from a registry into the store: goes on where it was interrupted, verified, and tried again where that may help. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { Descriptor } from '../oci/manifest.ts';
import type { BlobIngest } from '../store/blob-ingest.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { RegistryClient } from './registry/registry-client.ts';

/** Tries in a row that bring no new byte, unless told. */
const defaultTries = 5;
/** Milliseconds; doubled with each. */
const firstDelay = 250;

export type BlobPhase = { phase: 'downloading'; current: number } | { phase: 'verifying' };

interface Download {
  client: Pick<RegistryClient, 'blob'>;
  blob: Descriptor;
  ingest: BlobIngest;
  report: (phase: BlobPhase) => void;
  tries: number;
  signal: AbortSignal | undefined;
}

/** Does nothing where the blob is here. Rejects with EngineError; what came so far is kept for the next time, unless the disk is full. */
export async function downloadBlob(
  client: Pick<RegistryClient, 'blob'>,
  blobs: BlobStore,
  blob: Descriptor,
  report: (phase: BlobPhase) => void,
  signal?: AbortSignal,
  tries = defaultTries,
): Promise<void> {
  if (blobs.has(blob.digest)) return;
  const ingest = await blobs.ingest(blob.digest);
  try {
    // More than there should be: another size was promised then, or the file is broken.
    if (ingest.offset > blob.size) await ingest.restart();
    await transfer({ client, blob, ingest, report, tries, signal });
    report({ phase: 'verifying' });
    await ingest.commit(blob.size);
  } catch (error) {
    if (isEngineError(error, 'resource-exhausted') || isEngineError(error, 'data-loss'))
      await ingest.discard();
    else await ingest.suspend();
    throw error;
  }
}

async function transfer(download: Download): Promise<void> {
  const { ingest, blob, tries, signal } = download;
  for (let fruitless = 0; ingest.offset < blob.size; ) {
    const before = ingest.offset;
    try {
      await receive(download);
      if (ingest.offset < blob.size)
        throw new EngineError('unavailable', `the registry sent only ${ingest.offset} of ${blob.size} bytes`);
    } catch (error) {
      const failure = asEngineError(error, signal);
      fruitless = ingest.offset > before ? 0 : fruitless + 1;
      const isFinal = failure.code !== 'unavailable' || 'status' in failure.details;
      if (isFinal || fruitless >= tries) throw failure;
      await pause(fruitless, signal);
    }
  }
}

async function receive({ client, blob, ingest, report, signal }: Download): Promise<void> {
  const { body, offset } = await client.blob(blob.digest, ingest.offset, signal);
  if (offset !== ingest.offset) {
    if (offset !== 0)
      throw new EngineError(
        'unavailable',
        `the registry answered with byte ${offset} where ${ingest.offset} was asked for`,
      );
    await ingest.restart();
  }
  for await (const chunk of body) {
    if (ingest.offset + chunk.length > blob.size) {
      throw new EngineError('data-loss', `filesystem layer verification failed for digest ${blob.digest}`, {
        hint: 'the registry sent more bytes than the manifest says: try another registry',
      });
    }
    await ingest.write(chunk);
    release(chunk);
    report({ phase: 'downloading', current: ingest.offset });
  }
}

/**
 * Gives the memory of a chunk back at once: the garbage collector would let a hundred megabytes of them pile up, and then look through the whole heap
 * for them, again and again. Only where nothing else can be in that memory.
 */
function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0);
}

async function pause(fruitless: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(firstDelay * 2 ** fruitless, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw asEngineError(error, signal);
  }
}

function asEngineError(error: unknown, signal: AbortSignal | undefined): EngineError {
  if (signal?.aborted === true)
    return new EngineError('cancelled', 'the download was cancelled', { cause: error });
  if (isEngineError(error)) return error;
  return new EngineError('unavailable', `the download broke: ${messageOf(error)}`, { cause: error });
}
