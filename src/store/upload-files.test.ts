/** Named uploads, adopted files and readers: what the registry needs of the blob store. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { digestHex, digestOf } from '../oci/digest.ts';
import { BlobStore } from './blob-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-uploads-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const blobFile = (digest: string): string => join(directory, 'blobs/sha256', digestHex(digest));

test('an upload in pieces is not hashed again while the process lives, and is after a restart', async () => {
  const data = randomBytes(2_000_000);
  const store = new BlobStore(directory);
  await store.uploads.begin('one').suspend();
  assert.equal(store.uploads.status('one'), undefined, 'no file before the first byte');
  let upload = await store.uploads.resume('one');
  await upload.write(data.subarray(0, 900_000));
  await upload.suspend();
  assert.equal(store.uploads.status('one')?.size, 900_000);
  // Whoever read the file again now would get another digest.
  const file = join(directory, 'uploads/one');
  writeFileSync(file, Buffer.alloc(900_000));
  upload = await store.uploads.resume('one');
  assert.equal(upload.offset, 900_000);
  await upload.suspend();
  writeFileSync(file, data.subarray(0, 900_000));
  const restarted = new BlobStore(directory);
  upload = await restarted.uploads.resume('one');
  assert.equal(upload.offset, 900_000);
  await upload.write(data.subarray(900_000));
  assert.equal(await upload.commitChecked({ digest: digestOf(data) }), digestOf(data));
  assert.deepEqual(readdirSync(join(directory, 'uploads')), []);
  assert.ok((await restarted.read(digestOf(data))).equals(data));
});

test('an upload is written by one at a time, and is discarded by nobody else meanwhile', async () => {
  const { uploads } = new BlobStore(directory);
  const upload = uploads.begin('one');
  await assert.rejects(uploads.resume('one'), (error) => isEngineError(error, 'conflict'));
  await upload.write(randomBytes(400_000));
  await uploads.discard('one');
  await upload.suspend();
  assert.deepEqual(uploads.names(), ['one']);
  await uploads.discard('one');
  assert.deepEqual(uploads.names(), []);
});

test('a blob that is here already is not written again', async () => {
  const store = new BlobStore(directory);
  const data = randomBytes(600_000);
  const digest = await store.put(data);
  const { ino, mtimeMs } = statSync(blobFile(digest));
  const upload = store.uploads.begin('one');
  await upload.write(data);
  const told: string[] = [];
  await upload.commitChecked({ digest, onPublished: () => told.push('published') });
  assert.deepEqual(told, ['published']);
  const later = statSync(blobFile(digest));
  assert.deepEqual([later.ino, later.mtimeMs], [ino, mtimeMs]);
  assert.deepEqual(store.uploads.names(), []);
});

test('a blob can be deleted and published again at the same time, and readers go on', async () => {
  const store = new BlobStore(directory);
  const data = randomBytes(300_000);
  const digest = await store.put(data);
  for (let round = 0; round < 20; round += 1) {
    const reader = await store.reader(digest, { first: 10 });
    await Promise.all([store.delete(digest), store.put(data)]);
    const hash = createHash('sha256').update(data.subarray(0, 10));
    for await (const chunk of reader) hash.update(chunk);
    assert.equal(`sha256:${hash.digest('hex')}`, digest);
    assert.equal(existsSync(blobFile(digest)), store.has(digest));
    if (!store.has(digest)) await store.put(data);
  }
  await store.delete(digest);
  await assert.rejects(store.reader(digest), (error) => isEngineError(error, 'not-found'));
  assert.deepEqual(readdirSync(join(directory, 'ingest')), []);
});

test('a file that is on this host becomes a blob without being copied', async () => {
  const store = new BlobStore(directory);
  const file = join(directory, 'file');
  writeFileSync(file, 'adopted');
  const digest = digestOf('adopted');
  assert.equal(await store.adopt(file, digest), true);
  assert.equal(await store.adopt(file, digest), false);
  assert.equal(await store.adopt(join(directory, 'absent'), digestOf('absent')), false);
  await store.syncNames();
  assert.equal(store.size(digest), 7);
  assert.equal(statSync(blobFile(digest)).ino, statSync(file).ino);
  await store.delete(digest);
  assert.ok(existsSync(file));
});
