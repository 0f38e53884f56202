/** The storage contract: blobs come in, whole or in pieces, are read, mounted and unlinked. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { ContractCase } from './storage-contract.ts';
import { bytesOf, everything, isStored, pushBlob, pushManifest } from './storage-contract-helpers.ts';

const absent = digestOf('nobody pushed this');

export const uploadContract: Record<string, ContractCase> = {
  'a blob that was uploaded is read, whole and in ranges, also after a restart': async (subject) => {
    const before = Date.now();
    const data = randomBytes(300_000);
    const blob = await pushBlob(subject.storage, 'a/b', data);
    assert.equal(blob.digest, digestOf(data));
    assert.equal(blob.size, data.length);
    assert.ok(blob.usedAt >= before && blob.usedAt <= Date.now());
    for (const storage of [subject.storage, await subject.reopen()]) {
      assert.equal((await storage.blob('a/b', blob.digest))?.size, data.length);
      assert.ok((await storage.read(blob.digest)).equals(data));
      const part = await (await storage.open(blob.digest, { first: 1000, last: 1999 })).toArray();
      assert.ok(Buffer.concat(part).equals(data.subarray(1000, 2000)));
      const last = await (await storage.open(blob.digest, { first: 299_999, last: 299_999 })).toArray();
      assert.ok(Buffer.concat(last).equals(data.subarray(299_999)));
    }
  },

  'an empty blob is a blob': async ({ storage }) => {
    const { digest, size } = await pushBlob(storage, 'a', '');
    assert.equal(size, 0);
    assert.equal(await bytesOf(storage, digest), '');
    assert.equal((await storage.read(digest)).length, 0);
    assert.equal((await storage.blob('a', digest))?.size, 0);
  },

  'a blob is seen only where it is linked': async ({ storage }) => {
    const { digest } = await pushBlob(storage, 'a', 'x');
    assert.equal(await storage.blob('b', digest), undefined);
    assert.equal(await storage.blob('a', absent), undefined);
    await assert.rejects(storage.open(absent), (error) => isEngineError(error, 'not-found'));
    await assert.rejects(storage.read(absent), (error) => isEngineError(error, 'not-found'));
  },

  'a mount links what is in the other repository, or anywhere': async ({ storage }) => {
    const { digest } = await pushBlob(storage, 'a', 'shared');
    assert.equal(await storage.mount('b', digest, 'c'), undefined);
    assert.equal(await storage.blob('b', digest), undefined);
    assert.equal((await storage.mount('b', digest, 'a'))?.digest, digest);
    assert.equal((await storage.mount('c', digest, undefined))?.size, 6);
    assert.equal((await storage.blob('b', digest))?.size, 6);
    assert.equal((await storage.blob('c', digest))?.size, 6);
    assert.equal(await storage.mount('b', absent, undefined), undefined);
  },

  'an upload goes on where it stopped, also after a restart': async (subject) => {
    const data = randomBytes(700_000);
    const first = await subject.storage.beginUpload('a');
    const { id } = first.status;
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(first.status.offset, 0);
    assert.equal(first.status.repository, 'a');
    await first.suspend();
    const second = await subject.storage.resumeUpload('a', id);
    await second?.write(data.subarray(0, 100_000));
    await second?.suspend();
    assert.equal((await subject.storage.uploadStatus('a', id))?.offset, 100_000);
    const storage = await subject.reopen();
    assert.equal((await storage.uploadStatus('a', id))?.offset, 100_000);
    const third = await storage.resumeUpload('a', id);
    assert.equal(third?.status.offset, 100_000);
    await third?.write(data.subarray(100_000, 500_000));
    assert.equal(third?.status.offset, 500_000);
    await third?.suspend();
    const fourth = await storage.resumeUpload('a', id);
    await fourth?.write(data.subarray(500_000));
    assert.equal((await fourth?.commit(digestOf(data)))?.size, data.length);
    assert.equal(await storage.uploadStatus('a', id), undefined);
    assert.ok((await storage.read(digestOf(data))).equals(data));
  },

  'an upload belongs to its repository and to one request at a time': async ({ storage }) => {
    const upload = await storage.beginUpload('a');
    const { id } = upload.status;
    assert.equal(await storage.uploadStatus('b', id), undefined);
    assert.equal(await storage.resumeUpload('b', id), undefined);
    assert.equal(await storage.resumeUpload('a', randomUUID()), undefined);
    await assert.rejects(storage.resumeUpload('a', id), (error) => isEngineError(error, 'conflict'));
    await upload.suspend();
    const again = await storage.resumeUpload('a', id);
    await again?.cancel();
    assert.equal(await storage.uploadStatus('a', id), undefined);
    assert.equal(await storage.resumeUpload('a', id), undefined);
  },

  'bytes that the digest does not name are refused, and the upload is gone': async ({ storage }) => {
    const upload = await storage.beginUpload('a');
    await upload.write(Buffer.from('wrong'));
    await assert.rejects(upload.commit(digestOf('right')), (error) => isEngineError(error, 'data-loss'));
    assert.equal(await storage.blob('a', digestOf('right')), undefined);
    assert.equal(await storage.blob('a', digestOf('wrong')), undefined);
    assert.equal(await storage.uploadStatus('a', upload.status.id), undefined);
  },

  'two uploads of one blob both succeed': async ({ storage }) => {
    const data = randomBytes(50_000);
    const pushed = await Promise.all(['a', 'b', 'a'].map((name) => pushBlob(storage, name, data)));
    assert.deepEqual(
      pushed.map(({ size }) => size),
      [50_000, 50_000, 50_000],
    );
    assert.ok((await storage.read(digestOf(data))).equals(data));
    assert.equal(await storage.usage(''), 50_000);
  },

  'a blob is unlinked from its repository only': async ({ storage }) => {
    const { digest } = await pushBlob(storage, 'a', 'x');
    await storage.mount('b', digest, 'a');
    assert.equal(await storage.deleteBlob('a', digest), true);
    assert.equal(await storage.deleteBlob('a', digest), false);
    assert.equal(await storage.deleteBlob('never-seen', digest), false);
    assert.equal(await storage.blob('a', digest), undefined);
    await storage.collect(everything);
    assert.equal(await storage.blob('b', digest), undefined, 'a link that no manifest needs expires');
    assert.equal(await isStored(storage, digest), false);
  },

  'a blob that a manifest needs is not unlinked': async ({ storage }) => {
    const { digest } = await pushBlob(storage, 'a', 'x');
    const manifest = await pushManifest(storage, 'a', { references: [digest], tags: ['one'] });
    await assert.rejects(storage.deleteBlob('a', digest), (error) => isEngineError(error, 'conflict'));
    await storage.deleteManifest('a', manifest.digest);
    assert.equal(await storage.deleteBlob('a', digest), true);
  },

  'usage counts each blob once, below the name and not beside it': async ({ storage }) => {
    assert.equal(await storage.usage('team'), 0);
    const { digest } = await pushBlob(storage, 'team/a', '12345');
    await storage.mount('team/b', digest, 'team/a');
    await storage.mount('team', digest, 'team/a');
    assert.equal(await storage.usage('team'), 5);
    await pushBlob(storage, 'teams', '1234567');
    assert.equal(await storage.usage('team'), 5);
    assert.equal(await storage.usage('team/b'), 5);
    assert.equal(await storage.usage(''), 12);
    await storage.deleteBlob('team/a', digest);
    await storage.deleteBlob('team/b', digest);
    assert.equal(await storage.usage('team'), 5);
    await storage.deleteBlob('team', digest);
    assert.equal(await storage.usage('team'), 0);
    assert.equal(await storage.usage(''), 7);
  },
};
