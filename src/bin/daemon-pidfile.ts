/** What keeps two daemons apart: the PID file, and a lock on the data root that the kernel lifts when its holder ends. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '../errors/engine-error.ts';

/** Writes our PID. EngineError `conflict` where the file names a process that runs. */
export function claimPidFile(path: string): { release(): void } {
  const pid = existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : Number.NaN;
  if (pid > 0 && pid !== process.pid && existsSync(`/proc/${pid}`)) {
    throw new EngineError(
      'conflict',
      `failed to start daemon: process with PID ${pid} is still running (${path})`,
      {
        hint: `stop that daemon, give this one another --pidfile, or remove ${path} if the process is none`,
      },
    );
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${process.pid}\n`, { mode: 0o644 });
  return { release: () => rmSync(path, { force: true }) };
}

/**
 * Takes the data root for this process alone. Node.js has no flock(2); a transaction of SQLite holds a POSIX lock, which
 * the kernel lifts however the process ends. EngineError `conflict` where another daemon has it.
 */
export function lockDataRoot(dataRoot: string): { release(): void } {
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 });
  const lock = new DatabaseSync(join(dataRoot, 'gantryd.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new EngineError('conflict', `another daemon uses the data root ${dataRoot}`, {
      cause,
      hint: 'stop it, or give this one another --data-root',
    });
  }
  return { release: () => lock.close() };
}
