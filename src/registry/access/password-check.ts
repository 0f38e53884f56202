/** Are user and password right? Asks a thread once, and remembers what was right. */
import { createHmac, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { EngineError } from '../../errors/engine-error.ts';

export interface CompareRequest {
  id: number;
  password: string;
  hash: string;
}

export interface CompareReply {
  id: number;
  matches: boolean;
}

/** Beside this file in the sources; `bcrypt-worker.js` beside the bundled registry. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './bcrypt-worker.ts' : './bcrypt-worker.js',
  import.meta.url,
);

/** Milliseconds after which an idle thread is ended: it holds some 10 MB. */
const idleLimit = 30_000;
/** Comparisons that wait at most: at 50 ms each, more would only time out. */
const waitingLimit = 200;
const rememberedLimit = 10_000;

export class PasswordCheck {
  /** Right ones, by a keyed hash: neither passwords nor what they could be guessed from are kept. */
  readonly #right = new Set<string>();
  readonly #key = randomBytes(32);
  readonly #asked = new Map<string, Promise<boolean>>();
  readonly #waiting = new Map<
    number,
    { resolve(matches: boolean): void; reject(error: EngineError): void }
  >();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #nextId = 1;

  /** Does `password` give `hash`? EngineError `unavailable` where too many ask at once. */
  async matches(password: string, hash: string): Promise<boolean> {
    const key = createHmac('sha256', this.#key).update(`${hash}\0${password}`).digest('base64');
    if (this.#right.has(key)) return true;
    const asked = this.#asked.get(key) ?? this.#ask(key, password, hash);
    return await asked;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #ask(key: string, password: string, hash: string): Promise<boolean> {
    const answer = this.#compare(password, hash)
      .then((matches) => {
        if (matches) this.#remember(key);
        return matches;
      })
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }

  #remember(key: string): void {
    if (this.#right.size >= rememberedLimit) this.#right.clear();
    this.#right.add(key);
  }

  #compare(password: string, hash: string): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    if (this.#waiting.size >= waitingLimit) {
      reject(new EngineError('unavailable', 'too many passwords are being checked at once'));
      return promise;
    }
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    const id = this.#nextId++;
    this.#waiting.set(id, { resolve, reject });
    worker.postMessage({ id, password, hash } satisfies CompareRequest);
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(workerUrl);
    this.#worker = worker;
    worker.unref();
    worker.on('message', ({ id, matches }: CompareReply) => {
      this.#waiting.get(id)?.resolve(matches);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#endWhenIdle();
    });
    worker.on('error', (error) => this.#lose(worker, String(error)));
    worker.on('exit', () => this.#lose(worker, 'it ended'));
    return worker;
  }

  #endWhenIdle(): void {
    this.#idle = setTimeout(() => void this.close(), idleLimit).unref();
  }

  #lose(worker: Worker, why: string): void {
    if (this.#worker === worker) this.#worker = undefined;
    const error = new EngineError('unavailable', `the thread that checks passwords is gone: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
