/** What every storage of the registry must do, whatever it is made of: one suite, run by each. */
import { test } from 'node:test';
import type { RegistryStorage } from '../../src/registry/registry-types.ts';
import { cachedContract } from './storage-contract-cached.ts';
import { collectionContract } from './storage-contract-collection.ts';
import { manifestContract } from './storage-contract-manifests.ts';
import { uploadContract } from './storage-contract-uploads.ts';

/** One storage with nothing in it. */
export interface ContractSubject {
  storage: RegistryStorage;
  /** Closes the storage and opens it again over the same data, as a restart does. */
  reopen(): Promise<RegistryStorage>;
  /** Ends whatever is open and removes the data. */
  dispose(): Promise<void>;
}

export type ContractCase = (subject: ContractSubject) => Promise<void>;

/** Registers the suite's tests under `name`; each opens a subject of its own. */
export function storageContract(name: string, open: () => Promise<ContractSubject>): void {
  const cases: Record<string, ContractCase> = {
    ...uploadContract,
    ...manifestContract,
    ...collectionContract,
    ...cachedContract,
  };
  for (const [title, run] of Object.entries(cases)) {
    test(`${name}: ${title}`, { timeout: 30_000 }, async () => {
      const subject = await open();
      try {
        await run(subject);
      } finally {
        await subject.dispose();
      }
    });
  }
}
