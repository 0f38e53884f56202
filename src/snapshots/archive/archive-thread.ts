/** One archiving thread as the daemon sees it: a tar to be read, or a list of changes, made outside the event loop. */
import { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import { type AttributeQuestion, answerAttributes, failureOf } from './archive-answers.ts';
import type { ArchiveJob, ArchiveReply, ArchiveRequest, LayerChange } from './archive-messages.ts';

export interface ArchiveResult {
  /** How many members the tar has. */
  members: number;
  /** Those asked for. */
  changes: readonly LayerChange[];
}

/** Chunks on their way at a time, so that the thread writes one while another is read. */
const chunksAhead = 2;

/** Beside this file in the sources; `archive-worker.js` beside the bundled daemon. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './archive-worker.ts' : './archive-worker.js',
  import.meta.url,
);

class ArchiveThread extends Readable {
  readonly #launcher: Pick<Launcher, 'attributes'>;
  readonly #worker: Worker;
  readonly #verify: () => void;
  readonly #result = Promise.withResolvers<ArchiveResult>();
  #isDone = false;

  constructor(launcher: Pick<Launcher, 'attributes'>, job: ArchiveJob, verify: () => void) {
    super({ highWaterMark: 1024 * 1024 });
    this.#launcher = launcher;
    this.#verify = verify;
    this.#worker = new Worker(workerUrl, { workerData: job });
    this.#worker.on('message', (message: ArchiveReply) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new EngineError('internal', 'an archiving thread ended')));
    for (let ahead = 1; ahead < chunksAhead; ahead += 1) this.#post({ kind: 'more' });
    // Whoever reads only the stream hears of a failure there.
    this.#result.promise.catch(() => undefined);
  }

  /** Resolves at the end of the archive. */
  get result(): Promise<ArchiveResult> {
    return this.#result.promise;
  }

  override _read(): void {
    this.#post({ kind: 'more' });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#result.reject(error ?? new EngineError('cancelled', 'the archive was given up'));
    this.#isDone = true;
    const done = (): void => callback(error);
    this.#worker.terminate().then(done, done);
  }

  #post(request: ArchiveRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(message: ArchiveReply): void {
    switch (message.kind) {
      case 'chunk':
        this.push(message.data);
        break;
      case 'attributes':
        this.#readAttributes(message).catch((error: unknown) => this.#fail(error));
        break;
      case 'done':
        this.#finish(message);
        break;
      case 'failed':
        this.#fail(failureOf(message));
        break;
    }
  }

  #finish({ members, changes }: ArchiveResult): void {
    const objection = this.#objection();
    if (objection !== undefined) {
      this.destroy(objection);
      return;
    }
    this.#isDone = true;
    this.#result.resolve({ members, changes });
    this.push(null);
  }

  #objection(): Error | undefined {
    try {
      this.#verify();
      return undefined;
    } catch (error) {
      return asError(error);
    }
  }

  async #readAttributes(question: AttributeQuestion): Promise<void> {
    const results = await answerAttributes(this.#launcher, question);
    this.#post({ kind: 'attributes', results });
  }

  #fail(error: unknown): void {
    if (this.#isDone) return;
    // Files that could not be read because all of them were taken away: that is the reason to tell.
    this.destroy(this.#objection() ?? asError(error));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new EngineError('internal', messageOf(error));
}

/** A tar of `job`, which is read as fast as the stream is, and what can be said of it at its end. `verify` may object then: EngineError. */
export function archiveStream(
  launcher: Pick<Launcher, 'attributes'>,
  job: ArchiveJob,
  verify: () => void,
): { tar: Readable; result: Promise<ArchiveResult> } {
  const thread = new ArchiveThread(launcher, job, verify);
  return { tar: thread, result: thread.result };
}

/** The changes that a container made, by path. */
export async function listChanges(
  launcher: Pick<Launcher, 'attributes'>,
  job: Omit<ArchiveJob, 'what'>,
): Promise<readonly LayerChange[]> {
  const thread = new ArchiveThread(launcher, { ...job, what: 'changes' }, () => undefined);
  try {
    return (await thread.result).changes;
  } finally {
    thread.destroy();
  }
}
