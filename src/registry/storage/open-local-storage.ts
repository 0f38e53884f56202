/** Opens a directory as the storage of a registry. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { BlobStore } from '../../store/blob-store.ts';
import { Database } from '../../store/database.ts';
import { lockDirectory } from '../../store/directory-lock.ts';
import { Undo } from '../../util/undo.ts';
import { LocalStorage } from './local-storage.ts';

export interface LocalStorageOptions {
  /** Hears what had to be repaired. */
  warn?: (message: string) => void;
}

const lockName = 'registry.lock';
const databaseName = 'registry.db';

/**
 * Opens (or makes) the storage in `directory`: an OCI image layout and a database, for this process alone. EngineErrors `conflict` where another
 * process has it, `failed-precondition` where it cannot be used, `data-loss` where the database is damaged.
 */
export async function openLocalStorage(
  directory: string,
  options: LocalStorageOptions = {},
): Promise<LocalStorage> {
  const closers = new Undo();
  try {
    makeDirectory(directory);
    const hint = 'stop the other registry, or give this one another directory';
    const lock = lockDirectory(directory, lockName, hint);
    closers.add(() => lock.release());
    checkOwner(directory);
    const database = Database.open(join(directory, databaseName));
    closers.add(() => database.close());
    const blobs = new BlobStore(directory);
    const storage = new LocalStorage({
      blobs,
      database,
      ...(options.warn === undefined ? {} : { warn: options.warn }),
      onClose: () => closers.run(() => undefined),
    });
    return storage;
  } catch (error) {
    await closers.run(() => undefined);
    throw error;
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new EngineError('failed-precondition', `cannot make ${directory}: ${messageOf(cause)}`, {
      cause,
      hint: 'choose a directory that the registry may write to',
    });
  }
}

/** Blobs without our database belong to someone else: all of them would be garbage to us. */
function checkOwner(directory: string): void {
  if (existsSync(join(directory, databaseName)) || !existsSync(join(directory, 'oci-layout'))) return;
  throw new EngineError('failed-precondition', `${directory} is the OCI layout of another program`, {
    hint: 'choose another directory; what an engine holds is served by gantryd --registry-addr',
  });
}
