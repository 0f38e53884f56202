/** Takes a directory for one process alone. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError, messageOf } from '../errors/engine-error.ts';

/**
 * Node.js has no flock(2); a transaction of SQLite holds a POSIX lock on the file `name`, which the kernel lifts however the process ends, and
 * which containers that share the directory see too. EngineError `conflict` with `hint` where another process, or this one, has it.
 */
export function lockDirectory(directory: string, name: string, hint: string): { release(): void } {
  const path = join(directory, name);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    const held = lock;
    return { release: () => held.close() };
  } catch (cause) {
    lock?.close();
    if (isBusy(cause))
      throw new EngineError('conflict', `${directory} is in use: another process holds ${path}`, {
        cause,
        hint,
      });
    throw new EngineError('failed-precondition', `cannot lock ${path}: ${messageOf(cause)}`, {
      cause,
      hint: 'check that the directory is writable',
    });
  }
}

/** SQLite's `SQLITE_BUSY` (sqlite.org/rescode.html). */
const busy = 5;

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && cause.errcode === busy;
}
