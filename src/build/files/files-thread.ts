/** One thread that works on the files of builds, as the daemon sees it: one job at a time, and what only the launcher can do is done for it. */
import { constants } from 'node:os';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { EngineError, type ErrorCode, errorCodes, messageOf } from '../../errors/engine-error.ts';
import { errnoName } from '../../host/launcher-codec.ts';
import type { FileOperation, Launcher } from '../../host/launcher-types.ts';
import { answerAttributes } from '../../snapshots/archive/archive-answers.ts';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';
import type {
  FilesAnswer,
  FilesJob,
  FilesQuestion,
  FilesReply,
  FilesResult,
  FilesThreadData,
} from './files-messages.ts';

/** Beside this file in the sources; `files-worker.js` beside the bundled daemon. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './files-worker.ts' : './files-worker.js',
  import.meta.url,
);

/** Others are of this host alone: labels of its security module, marks of its overlay. */
const copiedAttributes = ['user.', 'security.capability'];
const overlayOfUsers = 'user.overlay.';
const { errno } = constants;
/** Attributes that a file system does not take, or that this daemon may not set, are left out, as in Docker. */
const unsupported = new Set<number>([errno.ENOTSUP, errno.EPERM]);

export type FilesLauncher = Pick<Launcher, 'attributes' | 'fileOperations'>;

interface Pending {
  resolve(result: FilesResult): void;
  reject(error: EngineError): void;
}

export class FilesThread {
  readonly #launcher: FilesLauncher;
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  #pending: Pending | undefined;
  #failure: EngineError | undefined;

  constructor(launcher: FilesLauncher) {
    this.#launcher = launcher;
    const { port1, port2 } = new MessageChannel();
    this.#answers = port1;
    const workerData: FilesThreadData = { answered: this.#answered, answers: port2 };
    this.#worker = new Worker(workerUrl, { workerData, transferList: [port2] });
    this.#worker.on('message', (reply: FilesReply) => this.#receive(reply));
    this.#worker.on('error', (error) =>
      this.#fail(new EngineError('internal', messageOf(error), { cause: error })),
    );
    this.#worker.on('exit', () =>
      this.#fail(new EngineError('internal', 'a thread that copies files ended')),
    );
    // Idle, it keeps no program from ending.
    this.#answers.unref();
    this.#worker.unref();
  }

  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** One at a time. A job that is cancelled takes the thread with it. */
  async run(job: FilesJob, signal: AbortSignal): Promise<FilesResult> {
    const onAbort = (): void => {
      void this.close();
    };
    if (signal.aborted) throw cancelled();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#worker.ref();
    try {
      return await new Promise((resolve, reject) => {
        this.#pending = { resolve, reject };
        if (this.#failure !== undefined) reject(this.#failure);
        else this.#worker.postMessage(job);
      });
    } finally {
      this.#pending = undefined;
      this.#worker.unref();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** What it has in hand is told only once the thread is gone: whoever waits may then close what it was given. */
  async close(): Promise<void> {
    this.#failure ??= cancelled();
    await this.#worker.terminate();
    this.#answers.close();
    this.#pending?.reject(this.#failure);
  }

  #receive(reply: FilesReply): void {
    if (reply.kind === 'question') {
      this.#answer(reply.question).then(
        (attributes) => this.#post({ error: '', attributes }),
        (error: unknown) => this.#post({ error: messageOf(error), attributes: [] }),
      );
    } else if (reply.kind === 'done') this.#pending?.resolve(reply.result);
    else this.#pending?.reject(failureOf(reply));
  }

  #post(answer: FilesAnswer): void {
    this.#answers.postMessage(answer);
    Atomics.store(this.#answered, 0, 1);
    Atomics.notify(this.#answered, 0);
  }

  async #answer(question: FilesQuestion): Promise<readonly Attributes[]> {
    if (question.kind === 'attributes') return await this.#attributes(question);
    const [root, operation] = operationOf(question);
    const failure = await this.#launcher.fileOperations(root, [operation]);
    const isFine = failure === undefined || (question.kind === 'setxattr' && unsupported.has(failure.errno));
    if (!isFine)
      throw new EngineError('internal', `${question.kind} ${question.name}: ${errnoName(failure.errno)}`);
    return [];
  }

  async #attributes({
    root,
    paths,
  }: Extract<FilesQuestion, { kind: 'attributes' }>): Promise<readonly Attributes[]> {
    const asked = { kind: 'attributes', root, paths, prefixes: copiedAttributes } as const;
    const found = await answerAttributes(this.#launcher, asked);
    return found.map(withoutOverlay);
  }

  #fail(error: EngineError): void {
    this.#failure ??= error;
    this.#pending?.reject(this.#failure);
  }
}

function withoutOverlay(attributes: Attributes): Attributes {
  if (attributes === undefined || attributes.size === 0) return undefined;
  return new Map([...attributes].filter(([name]) => !name.startsWith(overlayOfUsers)));
}

function operationOf(
  question: Exclude<FilesQuestion, { kind: 'attributes' }>,
): [root: string, operation: FileOperation] {
  if (question.kind === 'setxattr') {
    const { file, name, value } = question;
    return ['/', { kind: 'setxattr-open', path: file, name, value }];
  }
  const { directory, name, mode, major, minor } = question;
  return [directory, { kind: 'mknod', path: Buffer.from(name, 'latin1'), mode, major, minor }];
}

export function cancelled(): EngineError {
  return new EngineError('cancelled', 'the build was cancelled');
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return errorCodes.some((known) => known === code);
}

function failureOf(reply: Extract<FilesReply, { kind: 'failed' }>): EngineError {
  const { code, errno: name, message, hint, details } = reply;
  if (isErrorCode(code))
    return new EngineError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
  if (name === 'ENOSPC' || name === 'EDQUOT')
    return new EngineError('resource-exhausted', 'no space left on device', {
      hint: 'free space below the data root: remove images, build cache and containers that are not needed',
    });
  if (name === 'ENAMETOOLONG') return new EngineError('invalid-argument', message);
  return new EngineError('internal', message);
}
