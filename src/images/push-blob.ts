/** Brings one blob to a registry, with as few bytes as can be: what is there is left, mounted where it can be, and gone on with where it broke. */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { EarlyUpload } from './early-upload.ts';
import type { BlobRecord } from './image-records.ts';
import type { BlobSource, RegistryPusher, UploadSession } from './registry/registry-pusher.ts';
import type { UploadPlace } from './upload-memory.ts';

/** Tries in a row that bring nothing. */
const maxFruitlessTries = 5;
/** Milliseconds; doubled with each. */
const firstDelay = 250;
const maxDelay = 20_000;
/** Smaller blobs are sent with the request that ends the upload. */
export const smallSize = 1024 * 1024;
/** Repositories that are tried for a mount. */
const maxMounts = 3;
const retriedStatuses = new Set([404, 408, 416, 429]);

export type BlobOutcome = { kind: 'exists' } | { kind: 'mounted'; from: string } | { kind: 'pushed' };

export interface BlobPush {
  pusher: RegistryPusher;
  blobs: BlobStore;
  blob: BlobRecord;
  /** Where the upload is remembered, should this process not see its end. */
  place: UploadPlace;
  /** Repositories of the same registry that have, or had, the blob. */
  mountable: readonly string[];
  /** An upload of it that began before its digest was known. */
  early?: EarlyUpload | undefined;
  /** Hears how many bytes are sent. */
  report: (current: number) => void;
  signal: AbortSignal;
}

/** Rejects with EngineError in Docker's words. */
export async function pushBlob(push: BlobPush): Promise<BlobOutcome> {
  const { pusher, blob } = push;
  const begun = await finishEarly(push);
  if (await pusher.hasBlob(blob.digest)) {
    push.place.forget();
    // The registry forgets it by itself, too.
    if (begun !== undefined) await pusher.cancel(begun).catch(() => undefined);
    return { kind: 'exists' };
  }
  if (begun !== undefined) {
    await upload(push, begun);
    return { kind: 'pushed' };
  }
  for (const from of push.mountable.slice(0, maxMounts))
    if (await mount(push, from)) return { kind: 'mounted', from };
  const session = (await goOn(push)) ?? (await pusher.begin(blob.digest, undefined));
  // A registry may have found it by itself, wherever it was.
  if (session === undefined) return { kind: 'exists' };
  await upload(push, session);
  return { kind: 'pushed' };
}

/** The upload that went beside the compression, as far as it came. */
async function finishEarly(push: BlobPush): Promise<UploadSession | undefined> {
  const { early, place, blob, report, signal } = push;
  if (early?.location !== undefined) place.keep(early.location);
  const session = await early?.end(report);
  if (signal.aborted) throw asEngineError(undefined, signal);
  if (session !== undefined && session.offset !== blob.size) return await resume(push, session);
  return session;
}

/** The upload that an earlier push began, where the registry still has it. */
async function goOn(push: BlobPush): Promise<UploadSession | undefined> {
  const location = push.place.known();
  if (location === undefined) return undefined;
  push.place.forget();
  return await resume(push, { location, offset: 0 });
}

/** A mount that fails costs nothing but the question: the repository may have gone, or be somebody else's. */
async function mount({ pusher, blob }: BlobPush, from: string): Promise<boolean> {
  try {
    const session = await pusher.begin(blob.digest, from);
    if (session === undefined) return true;
    await pusher.cancel(session);
    return false;
  } catch (error) {
    if (isEngineError(error) && 'status' in error.details) return false;
    throw error;
  }
}

async function upload(push: BlobPush, begun: UploadSession): Promise<void> {
  const { pusher, blob, signal } = push;
  let session: UploadSession | undefined = begun;
  for (let fruitless = 0; ; ) {
    try {
      session ??= await pusher.begin(blob.digest, undefined);
      if (session !== undefined) await transfer(push, session);
      return;
    } catch (error) {
      const failure = asEngineError(error, signal);
      const before = session?.offset ?? 0;
      session = isWorthATry(failure) ? await resume(push, session) : undefined;
      fruitless = session !== undefined && session.offset > before ? 0 : fruitless + 1;
      if (!isWorthATry(failure) || fruitless >= maxFruitlessTries) throw failure;
      await pause(fruitless, Number(failure.details['wait'] ?? 0), signal);
    }
  }
}

async function transfer(push: BlobPush, session: UploadSession): Promise<void> {
  const { pusher, blobs, blob, place, report } = push;
  const source: BlobSource = {
    size: blob.size,
    open: (offset) => counted(blobs.open(blob.digest, offset), offset, report),
  };
  const isSmall = session.offset === 0 && blob.size <= smallSize;
  if (isSmall) return await pusher.commit(session, blob.digest, source);
  place.keep(session.location);
  const isAllSent = session.offset === blob.size;
  await pusher.commit(isAllSent ? session : await pusher.append(session, source), blob.digest, source);
  place.forget();
}

/** Says how far it was read. */
function counted(stream: Readable, offset: number, report: (current: number) => void): Readable {
  let current = offset;
  stream.on('data', (chunk: Buffer) => {
    current += chunk.length;
    report(current);
  });
  // The first listener sets it going: whoever sends it does that.
  return stream.pause();
}

/** Undefined where it has to begin again. */
async function resume(
  { pusher, blob, signal }: BlobPush,
  session: UploadSession | undefined,
): Promise<UploadSession | undefined> {
  if (session === undefined) return undefined;
  try {
    const resumed = await pusher.resume(session);
    return resumed !== undefined && resumed.offset <= blob.size ? resumed : undefined;
  } catch (error) {
    if (signal.aborted) throw asEngineError(error, signal);
    return undefined;
  }
}

/** The connection broke, the registry is busy, or it lost the upload. */
function isWorthATry({ code, details }: EngineError): boolean {
  const { status } = details;
  if (typeof status !== 'number') return code === 'unavailable';
  return status >= 500 || retriedStatuses.has(status);
}

async function pause(fruitless: number, asked: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.min(maxDelay, Math.max(asked, firstDelay * 2 ** fruitless)), undefined, { signal });
  } catch (error) {
    throw asEngineError(error, signal);
  }
}

function asEngineError(error: unknown, signal: AbortSignal): EngineError {
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    return isEngineError(reason)
      ? reason
      : new EngineError('cancelled', 'the push was cancelled', { cause: error });
  }
  if (isEngineError(error)) return error;
  return new EngineError('unavailable', `the upload broke: ${messageOf(error)}`, { cause: error });
}
