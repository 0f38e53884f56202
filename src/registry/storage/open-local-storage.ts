/** Opens a directory as the storage of a registry. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { BlobStore } from '../../store/blob-store.ts';
import { Database } from '../../store/database.ts';
import { lockDirectory } from '../../store/directory-lock.ts';
import { Undo } from '../../util/undo.ts';
import { treeRoot } from './distribution-tree.ts';
import { LocalStorage } from './local-storage.ts';
import { takeOver } from './take-over.ts';
import { UnverifiedBlobs } from './unverified-blobs.ts';

export interface LocalStorageOptions {
  /** Hears what had to be repaired. */
  warn?: (message: string) => void;
}

const lockName = 'registry.lock';
const databaseName = 'registry.db';
/** The fact that says that the old tree was taken over, and when. */
const takenOver = 'taken_over';

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
    const warn = options.warn ?? ((): void => undefined);
    const unverified = await adopt(directory, { blobs, database, warn });
    closers.add(() => unverified.close());
    return new LocalStorage({
      blobs,
      database,
      warn,
      beforeRead: (digest) => unverified.verify(digest),
      onClose: () => closers.run(() => undefined),
    });
  } catch (error) {
    await closers.run(() => undefined);
    throw error;
  }
}

/** Takes over what registry:2 left in the directory, once, before anybody is served. */
async function adopt(
  directory: string,
  parts: { blobs: BlobStore; database: Database; warn: (message: string) => void },
): Promise<UnverifiedBlobs> {
  const { database, warn } = parts;
  const facts = database.collection('registry_facts', String);
  const table = database.collection('registry_unverified', isTrue);
  const root = treeRoot(directory);
  if (facts.get(takenOver) === undefined && existsSync(root)) {
    warn(`taking over the images of another registry from ${root}, which stays as it is`);
    const report = await takeOver({ ...parts, root, unverified: table });
    facts.put(takenOver, new Date().toISOString());
    const { repositories, manifests, tags, blobs } = report;
    warn(`took over ${repositories} repositories, ${manifests} manifests, ${tags} tags and ${blobs} blobs`);
  }
  const unverified = new UnverifiedBlobs({ blobs: parts.blobs, table, warn });
  unverified.start();
  return unverified;
}

function isTrue(): true {
  return true;
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
