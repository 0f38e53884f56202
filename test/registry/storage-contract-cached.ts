/** The storage contract: manifests that came from an upstream. */
import assert from 'node:assert/strict';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { RegistryStorage, StoredManifest } from '../../src/registry/registry-types.ts';
import type { ContractCase } from './storage-contract.ts';
import { everything, indexType, isStored, manifestType, pushBlob } from './storage-contract-helpers.ts';

const absent = digestOf('it was never brought here');

/** Puts an index that names `references`, from an upstream or by a push. */
async function put(
  storage: RegistryStorage,
  options: { references?: string[]; tags?: string[]; cached: boolean; note?: string },
): Promise<StoredManifest> {
  const { references = [], tags = [], cached, note } = options;
  const data = Buffer.from(JSON.stringify({ references, note }));
  const mediaType = references.length > 0 ? indexType : manifestType;
  const origin = cached ? { cached: true } : {};
  return await storage.putManifest(
    'a',
    { digest: digestOf(data), mediaType, references, ...origin },
    data,
    tags,
  );
}

export const cachedContract: Record<string, ContractCase> = {
  'a cached manifest needs nothing that it names, and says so after a restart': async (subject) => {
    const { digest } = await put(subject.storage, { references: [absent], tags: ['one'], cached: true });
    for (const storage of [subject.storage, await subject.reopen()]) {
      assert.equal((await storage.manifest('a', digest))?.cached, true);
      assert.equal((await storage.tag('a', 'one'))?.cached, true);
      assert.deepEqual(
        (await storage.tags('a', { limit: 10 }))?.map(({ cached }) => cached),
        [true],
      );
    }
  },

  'a collection keeps what is here of what a cached manifest names': async ({ storage }) => {
    const { digest } = await pushBlob(storage, 'a', 'brought');
    const index = await put(storage, { references: [digest, absent], tags: ['one'], cached: true });
    assert.equal((await storage.collect({ ...everything, untagged: true })).blobs, 0);
    assert.ok(await storage.blob('a', digest));
    assert.equal(await storage.deleteManifest('a', index.digest), true);
    assert.equal(await storage.tag('a', 'one'), undefined);
    assert.equal((await storage.collect(everything)).blobs, 2);
    assert.equal(await isStored(storage, digest), false);
  },

  'a tag that was pushed stays where it is, one from an upstream moves': async ({ storage }) => {
    const first = await put(storage, { tags: ['latest'], cached: true, note: '1' });
    const second = await put(storage, { tags: ['latest'], cached: true, note: '2' });
    assert.equal((await storage.tag('a', 'latest'))?.digest, second.digest);
    const local = await put(storage, { tags: ['latest'], cached: false, note: '3' });
    const tag = await storage.tag('a', 'latest');
    assert.equal(tag?.digest, local.digest);
    assert.equal(tag?.cached, undefined);
    await put(storage, { tags: ['latest', 'other'], cached: true, note: '1' });
    assert.equal((await storage.tag('a', 'latest'))?.digest, local.digest);
    assert.equal((await storage.tag('a', 'other'))?.digest, first.digest);
    assert.equal(await storage.deleteTag('a', 'latest'), true);
    assert.equal(await storage.tag('a', 'latest'), undefined);
  },

  'a manifest that was pushed is a local one, before or after it came from an upstream': async ({
    storage,
  }) => {
    const first = await put(storage, { cached: true });
    assert.equal((await put(storage, { cached: false })).cached, undefined);
    assert.equal((await put(storage, { cached: true })).cached, undefined);
    assert.equal((await storage.manifest('a', first.digest))?.cached, undefined);
    assert.equal((await storage.manifests('a')).length, 1);
  },

  'a push of what is cached without its parts is refused, and leaves it': async ({ storage }) => {
    const cached = await put(storage, { references: [absent], tags: ['one'], cached: true });
    await assert.rejects(put(storage, { references: [absent], tags: ['two'], cached: false }), (error) =>
      isEngineError(error, 'not-found'),
    );
    assert.equal((await storage.manifest('a', cached.digest))?.cached, true);
    assert.equal((await storage.tag('a', 'one'))?.digest, cached.digest);
    assert.equal(await storage.tag('a', 'two'), undefined);
  },
};
