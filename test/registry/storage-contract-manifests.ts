/** The storage contract: manifests, tags, referrers and lists. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, isEngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { ContractCase } from './storage-contract.ts';
import {
  bytesOf,
  indexType,
  pushBlob,
  pushImage,
  pushManifest,
  tagNames,
} from './storage-contract-helpers.ts';

const absent = digestOf('nobody pushed this');

export const manifestContract: Record<string, ContractCase> = {
  'a manifest is found by digest and by tag, byte for byte, also after a restart': async (subject) => {
    const { digest: layer } = await pushBlob(subject.storage, 'a', 'layer');
    const before = Date.now();
    const put = await pushManifest(subject.storage, 'a', {
      references: [layer],
      tags: ['one', 'two'],
      artifactType: 'application/x',
      annotations: { key: 'value' },
    });
    assert.ok(put.pushedAt >= before && put.pushedAt <= Date.now());
    assert.equal(put.pulledAt, 0);
    for (const storage of [subject.storage, await subject.reopen()]) {
      assert.deepEqual(await storage.manifest('a', put.digest), put);
      assert.equal((await storage.tag('a', 'one'))?.digest, put.digest);
      assert.ok(((await storage.tag('a', 'two'))?.taggedAt ?? 0) >= before);
      assert.equal(Buffer.byteLength(await bytesOf(storage, put.digest)), put.size);
      assert.equal(digestOf(await storage.read(put.digest)), put.digest);
      assert.equal(await storage.manifest('b', put.digest), undefined);
      assert.equal(await storage.tag('a', 'three'), undefined);
      assert.equal(await storage.tag('b', 'one'), undefined);
    }
  },

  'a manifest whose parts are not all in the repository is refused, with what is missing': async ({
    storage,
  }) => {
    const { digest: here } = await pushBlob(storage, 'a', 'here');
    const { digest: elsewhere } = await pushBlob(storage, 'b', 'elsewhere');
    for (const missing of [elsewhere, absent]) {
      await assert.rejects(
        pushManifest(storage, 'a', { references: [here, missing], tags: ['one'] }),
        (error) =>
          error instanceof EngineError && error.code === 'not-found' && error.details['digest'] === missing,
      );
    }
    assert.equal(await storage.tag('a', 'one'), undefined);
    assert.deepEqual(await storage.manifests('a'), []);
  },

  'an index needs its manifests in the repository': async ({ storage }) => {
    const image = await pushImage(storage, 'a', 'image', []);
    await assert.rejects(
      pushManifest(storage, 'b', { references: [image.manifest], mediaType: indexType }),
      (error) => isEngineError(error, 'not-found'),
    );
    const index = await pushManifest(storage, 'a', {
      references: [image.manifest],
      mediaType: indexType,
      tags: ['all'],
    });
    assert.deepEqual((await storage.manifest('a', index.digest))?.references, [image.manifest]);
  },

  'a tag moves, goes, and leaves its manifest': async ({ storage }) => {
    const one = await pushManifest(storage, 'a', { tags: ['latest', 'v1'], note: '1' });
    const two = await pushManifest(storage, 'a', { tags: ['latest'], note: '2' });
    assert.equal((await storage.tag('a', 'latest'))?.digest, two.digest);
    assert.equal((await storage.tag('a', 'v1'))?.digest, one.digest);
    assert.equal(await storage.deleteTag('a', 'latest'), true);
    assert.equal(await storage.deleteTag('a', 'latest'), false);
    assert.equal(await storage.deleteTag('b', 'latest'), false);
    assert.equal((await storage.manifest('a', two.digest))?.digest, two.digest);
    assert.deepEqual(await tagNames(storage, 'a'), ['v1']);
  },

  'a manifest goes with the tags that name it': async (subject) => {
    const { storage } = subject;
    const one = await pushManifest(storage, 'a', { tags: ['x', 'y'], note: '1' });
    const two = await pushManifest(storage, 'a', { tags: ['z'], note: '2' });
    assert.equal(await storage.deleteManifest('b', one.digest), false);
    assert.equal(await storage.deleteManifest('a', one.digest), true);
    assert.equal(await storage.deleteManifest('a', one.digest), false);
    const again = await subject.reopen();
    assert.deepEqual(await tagNames(again, 'a'), ['z']);
    assert.equal(await again.manifest('a', one.digest), undefined);
    assert.deepEqual(
      (await again.manifests('a')).map(({ digest }) => digest),
      [two.digest],
    );
  },

  'a manifest that is put again keeps when it was pulled, and gets more tags': async ({ storage }) => {
    const first = await pushManifest(storage, 'a', { tags: ['one'] });
    storage.notePull('a', first.digest);
    storage.notePull('a', absent);
    storage.notePull('never-seen', absent);
    assert.ok(((await storage.manifest('a', first.digest))?.pulledAt ?? 0) >= first.pushedAt);
    const second = await pushManifest(storage, 'a', { tags: ['two'] });
    assert.ok(second.pulledAt >= first.pushedAt);
    assert.deepEqual(await tagNames(storage, 'a'), ['one', 'two']);
    assert.equal((await storage.manifests('a')).length, 1);
  },

  'when a manifest was pulled is known after a restart': async (subject) => {
    const { digest, pushedAt } = await pushManifest(subject.storage, 'a', { tags: ['one'] });
    subject.storage.notePull('a', digest);
    const storage = await subject.reopen();
    assert.ok(((await storage.manifest('a', digest))?.pulledAt ?? 0) >= pushedAt);
  },

  'referrers are listed oldest first, also of a subject that is not here': async (subject) => {
    const { storage } = subject;
    const one = await pushManifest(storage, 'a', {
      subject: absent,
      note: '1',
      artifactType: 'application/x',
    });
    await sleep(5);
    const two = await pushManifest(storage, 'a', { subject: absent, note: '2', annotations: { a: 'b' } });
    await pushManifest(storage, 'b', { subject: absent, note: '3' });
    const again = await subject.reopen();
    assert.deepEqual(await again.referrers('a', absent), [one, two]);
    assert.deepEqual(await again.referrers('a', one.digest), []);
    assert.deepEqual(await again.referrers('never-seen', absent), []);
    await again.deleteManifest('a', one.digest);
    assert.deepEqual(await again.referrers('a', absent), [two]);
  },

  'lists are pages in the order of bytes': async (subject) => {
    const names = ['b', 'a/b', 'a', 'a-b', 'a.b', 'c'];
    for (const name of names)
      await pushManifest(subject.storage, name, { tags: ['B', 'a', '_', '1', 'Z-z'], note: name });
    await pushBlob(subject.storage, 'only-a-blob', 'x');
    const sorted = ['a', 'a-b', 'a.b', 'a/b', 'b', 'c'];
    for (const storage of [subject.storage, await subject.reopen()]) {
      assert.deepEqual(await storage.repositories({ limit: 100 }), sorted);
      assert.deepEqual(await storage.repositories({ limit: 2 }), ['a', 'a-b']);
      assert.deepEqual(await storage.repositories({ limit: 2, after: 'a.b' }), ['a/b', 'b']);
      assert.deepEqual(await storage.repositories({ limit: 2, after: 'a.0' }), ['a.b', 'a/b']);
      assert.deepEqual(await storage.repositories({ limit: 2, after: 'c' }), []);
      assert.deepEqual(await tagNames(storage, 'a'), ['1', 'B', 'Z-z', '_', 'a']);
      const page = await storage.tags('a', { limit: 2, after: 'B' });
      assert.deepEqual(
        page?.map(({ name }) => name),
        ['Z-z', '_'],
      );
      assert.equal(await storage.tags('never-seen', { limit: 10 }), undefined);
      assert.deepEqual(await storage.manifests('never-seen'), []);
    }
  },

  'a repository without manifests is not listed': async ({ storage }) => {
    const { digest } = await pushManifest(storage, 'a', { tags: ['one'] });
    assert.deepEqual(await storage.repositories({ limit: 10 }), ['a']);
    await storage.deleteManifest('a', digest);
    assert.deepEqual(await storage.repositories({ limit: 10 }), []);
  },
};
