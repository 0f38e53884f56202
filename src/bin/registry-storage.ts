/** Opens the storage that a registry's configuration names. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { RegistryConfig } from '../registry/config/registry-config.ts';
import type { RegistryStorage } from '../registry/registry-types.ts';
import { openLocalStorage } from '../registry/storage/open-local-storage.ts';

export interface OpenedStorage {
  storage: RegistryStorage;
  /** Where it is on this host; undefined for a bucket. */
  directory: string | undefined;
  /** For the log. */
  place: string;
  close(): Promise<void>;
}

/** EngineErrors of the storages: `conflict` where another registry has the directory, `unavailable` where a bucket does not answer. */
export async function openStorage(
  { storage: where, collect }: Pick<RegistryConfig, 'storage' | 'collect'>,
  log: Pick<Logger, 'warn'>,
): Promise<OpenedStorage> {
  if (where.kind === 's3') {
    // A registry of files starts without Amazon's client.
    const { openS3Storage } = await import('../registry/s3/s3-storage.ts');
    const storage = await openS3Storage({ ...where, grace: collect.grace });
    const place = `s3://${where.bucket}/${where.prefix}`;
    return { storage, directory: undefined, place, close: () => storage.close() };
  }
  const directory = where.temporary ? mkdtempSync(join(tmpdir(), 'gantry-registry-')) : where.directory;
  const storage = await openLocalStorage(directory, { warn: (message) => log.warn(message) });
  return {
    storage,
    directory,
    place: directory,
    close: async () => {
      await storage.close();
      if (where.temporary) rmSync(directory, { recursive: true, force: true });
    },
  };
}
