/** The storage on this host: the contract of every storage, and what is its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storageContract } from '../../../test/registry/storage-contract.ts';
import { openLocalStorage } from './open-local-storage.ts';

storageContract('local storage', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-storage-'));
  let storage = await openLocalStorage(directory);
  return {
    storage,
    reopen: async () => {
      await storage.close();
      storage = await openLocalStorage(directory);
      return storage;
    },
    dispose: async () => {
      await storage.close();
      rmSync(directory, { recursive: true });
    },
  };
});
