/** Database writes of requests that run at the same time share one transaction, and its wait for the disk. */
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { Database } from './database.ts';

interface Write {
  apply: () => void;
  undo: () => void;
  durability: Durability;
  resolve: () => void;
  reject: (error: EngineError) => void;
}

/** `process`: survives the end of the process at once, a power cut some time later. `power`: both at once. */
export type Durability = 'process' | 'power';

/**
 * Whoever keeps in memory what the database holds changes its memory first, hands in the same change for the database, and answers its own
 * caller when that is durable. Where the transaction fails, all its changes are taken back from memory too, the last one first.
 */
export class GroupCommit {
  readonly #database: Pick<Database, 'transaction'>;
  #waiting: Write[] = [];

  constructor(database: Pick<Database, 'transaction'>) {
    this.#database = database;
  }

  /** EngineErrors `resource-exhausted` and `internal`: the change was taken back. */
  add(apply: () => void, undo: () => void, durability: Durability = 'power'): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ apply, undo, durability, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.flush());
    });
  }

  /** Writes what waits, now. */
  flush(): void {
    const writes = this.#waiting;
    if (writes.length === 0) return;
    this.#waiting = [];
    const isDurable = writes.some(({ durability }) => durability === 'power');
    try {
      this.#database.transaction(() => {
        for (const { apply } of writes) apply();
      }, isDurable);
    } catch (cause) {
      for (const { undo } of writes.toReversed()) undo();
      const error = asEngineError(cause);
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const { resolve } of writes) resolve();
  }
}

/** SQLite's `SQLITE_FULL` (sqlite.org/rescode.html). */
const full = 13;

function asEngineError(cause: unknown): EngineError {
  if (isEngineError(cause)) return cause;
  const isFull = cause instanceof Error && 'errcode' in cause && cause.errcode === full;
  if (!isFull)
    return new EngineError('internal', `cannot write the database: ${messageOf(cause)}`, { cause });
  return new EngineError('resource-exhausted', 'no space left on device', {
    cause,
    hint: 'free space where the data is kept',
  });
}
