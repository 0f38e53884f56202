/** The storage contract: what a collection takes, and what it never does. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { digestOf } from '../../src/oci/digest.ts';
import type { ContractCase } from './storage-contract.ts';
import {
  everything,
  indexType,
  isStored,
  pushBlob,
  pushImage,
  pushManifest,
  tagNames,
} from './storage-contract-helpers.ts';

const hour = 3_600_000;

export const collectionContract: Record<string, ContractCase> = {
  'a collection leaves what manifests need': async (subject) => {
    const { storage } = subject;
    const image = await pushImage(storage, 'a', 'kept', ['one']);
    const untagged = await pushImage(storage, 'a', 'untagged', []);
    const stray = await pushBlob(storage, 'a', 'stray bytes');
    const report = await storage.collect(everything);
    assert.deepEqual(report, { blobs: 1, manifests: 0, uploads: 0, freed: 11 });
    const again = await subject.reopen();
    for (const digest of [...image.blobs, image.manifest, ...untagged.blobs, untagged.manifest])
      assert.ok(await isStored(again, digest));
    assert.ok(await again.blob('a', image.blobs[0] ?? ''));
    assert.equal(await isStored(again, stray.digest), false);
    assert.equal(await again.blob('a', stray.digest), undefined);
  },

  'what a deleted manifest needed goes, what another repository needs stays': async ({ storage }) => {
    const image = await pushImage(storage, 'a', 'image', ['one']);
    const [config = '', layer = ''] = image.blobs;
    await storage.mount('b', layer, 'a');
    await pushManifest(storage, 'b', { references: [layer], tags: ['one'] });
    await storage.deleteManifest('a', image.manifest);
    const { blobs, manifests } = await storage.collect(everything);
    assert.deepEqual({ blobs, manifests }, { blobs: 2, manifests: 0 });
    assert.equal(await storage.blob('a', layer), undefined);
    assert.equal((await storage.blob('b', layer))?.digest, layer);
    assert.equal(await isStored(storage, config), false);
    assert.equal(await isStored(storage, image.manifest), false);
    assert.deepEqual(await storage.collect(everything), { blobs: 0, manifests: 0, uploads: 0, freed: 0 });
  },

  'what was used within the grace period stays': async ({ storage }) => {
    const { digest } = await pushBlob(storage, 'a', 'stray');
    const empty = { blobs: 0, manifests: 0, uploads: 0, freed: 0 };
    assert.deepEqual(await storage.collect({ ...everything, grace: hour }), empty);
    assert.ok(await storage.blob('a', digest));
    assert.equal(await storage.deleteBlob('a', digest), true);
    assert.deepEqual(await storage.collect({ ...everything, grace: hour }), empty);
    assert.equal((await storage.collect(everything)).blobs, 1);
  },

  'a dry run says what would go, and takes nothing': async ({ storage }) => {
    await pushImage(storage, 'a', 'untagged', []);
    const { digest } = await pushBlob(storage, 'a', 'stray');
    const upload = await storage.beginUpload('a');
    await upload.write(Buffer.from('x'));
    await upload.suspend();
    const options = { ...everything, untagged: true };
    const dry = await storage.collect({ ...options, dryRun: true });
    assert.equal(dry.blobs, 4);
    assert.equal(dry.manifests, 1);
    assert.equal(dry.uploads, 1);
    assert.equal((await storage.manifests('a')).length, 1);
    assert.ok(await storage.blob('a', digest));
    assert.deepEqual(await storage.collect(options), dry);
    assert.equal((await storage.manifests('a')).length, 0);
  },

  'untagged manifests go only where that is asked for, and never what a tag leads to': async ({
    storage,
  }) => {
    const child = await pushImage(storage, 'a', 'child', []);
    const index = await pushManifest(storage, 'a', {
      references: [child.manifest],
      mediaType: indexType,
      tags: ['all'],
    });
    const referrer = await pushManifest(storage, 'a', { subject: index.digest, note: 'signature' });
    const second = await pushManifest(storage, 'a', { subject: referrer.digest, note: 'of the signature' });
    const alone = await pushImage(storage, 'a', 'alone', []);
    const ofAlone = await pushManifest(storage, 'a', { subject: alone.manifest, note: 'of alone' });
    const ofNothing = await pushManifest(storage, 'a', { subject: digestOf('gone'), note: 'of nothing' });
    assert.equal((await storage.collect(everything)).manifests, 0);
    assert.equal((await storage.collect({ ...everything, untagged: true, grace: hour })).manifests, 0);
    const report = await storage.collect({ ...everything, untagged: true });
    assert.equal(report.manifests, 3);
    const left = (await storage.manifests('a')).map(({ digest }) => digest);
    const kept = [child.manifest, index.digest, referrer.digest, second.digest];
    assert.deepEqual(left.toSorted(), kept.toSorted());
    for (const digest of [...kept, ...child.blobs]) assert.ok(await isStored(storage, digest));
    for (const digest of [alone.manifest, ofAlone.digest, ofNothing.digest, ...alone.blobs])
      assert.equal(await isStored(storage, digest), false);
    await storage.deleteTag('a', 'all');
    assert.equal((await storage.collect({ ...everything, untagged: true })).manifests, 4);
    assert.deepEqual(await storage.repositories({ limit: 10 }), []);
    assert.equal(await tagNames(storage, 'a'), undefined, 'nothing is left of the repository');
  },

  'an index that is its own subject’s child keeps nothing alive': async ({ storage }) => {
    const child = await pushManifest(storage, 'a', { note: 'child' });
    await pushManifest(storage, 'a', {
      references: [child.digest],
      subject: child.digest,
      mediaType: indexType,
    });
    assert.equal((await storage.collect({ ...everything, untagged: true })).manifests, 2);
  },

  'uploads that nobody goes on with go, others stay': async ({ storage }) => {
    const left = await storage.beginUpload('a');
    await left.write(Buffer.from('left alone'));
    await left.suspend();
    const held = await storage.beginUpload('a');
    await held.write(Buffer.from('held'));
    assert.equal((await storage.collect({ ...everything, uploadGrace: hour })).uploads, 0);
    assert.equal(
      (await storage.collect({ ...everything, uploadGrace: Number.POSITIVE_INFINITY })).uploads,
      0,
    );
    assert.equal((await storage.collect(everything)).uploads, 1);
    assert.equal(await storage.uploadStatus('a', left.status.id), undefined);
    assert.equal((await held.commit(digestOf('held'))).size, 4);
  },

  'whoever reads a blob reads it to its end': async ({ storage }) => {
    const data = randomBytes(3_000_000);
    const { digest } = await pushBlob(storage, 'a', data);
    const reader = await storage.open(digest);
    assert.equal((await storage.collect(everything)).blobs, 1);
    const chunks: Uint8Array[] = await reader.toArray();
    assert.ok(Buffer.concat(chunks).equals(data));
  },

  'a blob that is pushed while it is collected is there afterwards': async ({ storage }) => {
    for (let round = 0; round < 10; round += 1) {
      const { digest } = await pushBlob(storage, 'a', 'again and again');
      await storage.deleteBlob('a', digest);
      const [, blob] = await Promise.all([
        storage.collect(everything),
        pushBlob(storage, 'b', 'again and again'),
      ]);
      const manifest = await pushManifest(storage, 'b', { references: [], note: `round ${round}` });
      const isLinked = (await storage.blob('b', blob.digest)) !== undefined;
      assert.equal(await isStored(storage, blob.digest), isLinked);
      await storage.deleteManifest('b', manifest.digest);
    }
  },
};
