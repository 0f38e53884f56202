/** The blob store: verified, durable, and able to go on where it was interrupted. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { digestHex, digestOf } from '../oci/digest.ts';
import { BlobStore } from './blob-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-blobs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function bytesOf(store: BlobStore, digest: string, start = 0): Promise<Buffer> {
  return Buffer.concat(await store.open(digest, start).toArray());
}

test('what is put in comes out, also by another process', async () => {
  const data = randomBytes(3_000_000);
  const digest = await new BlobStore(directory).put(data);
  assert.equal(digest, digestOf(data));
  const store = new BlobStore(directory);
  assert.ok(store.has(digest));
  assert.equal(store.size(digest), data.length);
  assert.deepEqual(store.digests(), [digest]);
  assert.ok((await bytesOf(store, digest)).equals(data));
  assert.ok((await bytesOf(store, digest, 2_999_000)).equals(data.subarray(2_999_000)));
  assert.ok((await store.read(digest)).equals(data));
  assert.ok(readFileSync(join(directory, 'blobs/sha256', digestHex(digest))).equals(data));
  assert.match(readFileSync(join(directory, 'oci-layout'), 'utf8'), /"imageLayoutVersion":"1.0.0"/);
  await store.delete(digest);
  assert.ok(!store.has(digest));
  assert.throws(
    () => store.path(digest),
    (error) => isEngineError(error, 'not-found'),
  );
});

test('an interrupted ingest goes on where it stopped, after a suspension and after a crash', async () => {
  const data = randomBytes(2_500_000);
  const digest = digestOf(data);
  const first = await new BlobStore(directory).ingest(digest);
  await first.write(data.subarray(0, 1_000_000));
  await first.suspend();
  // A crash: what was flushed is there, nobody closed it.
  const store = new BlobStore(directory);
  const second = await store.ingest(digest);
  assert.equal(second.offset, 1_000_000);
  await second.write(data.subarray(1_000_000, 2_200_000));
  const third = await new BlobStore(directory).ingest(digest);
  assert.ok(third.offset >= 1_000_000);
  await third.write(data.subarray(third.offset));
  assert.equal(await third.commit(data.length), digest);
  assert.deepEqual(readdirSync(join(directory, 'ingest')), []);
  assert.ok((await bytesOf(new BlobStore(directory), digest)).equals(data));
  await second.discard();
});

test('wrong bytes are never published and leave nothing', async () => {
  const store = new BlobStore(directory);
  const digest = digestOf('right');
  for (const [text, size] of [
    ['wrong', 5],
    ['right', 6],
  ] as const) {
    const ingest = await store.ingest(digest);
    await ingest.write(Buffer.from(text));
    await assert.rejects(ingest.commit(size), (error) => isEngineError(error, 'data-loss'));
    assert.ok(!store.has(digest));
    assert.deepEqual(readdirSync(join(directory, 'ingest')), []);
  }
});

test('one digest is written by one at a time', async () => {
  const store = new BlobStore(directory);
  const digest = digestOf('x');
  const ingest = await store.ingest(digest);
  await assert.rejects(store.ingest(digest), (error) => isEngineError(error, 'conflict'));
  await ingest.discard();
  await (await store.ingest(digest)).discard();
});

test('a restart begins from nothing', async () => {
  const store = new BlobStore(directory);
  const data = Buffer.from('the right bytes');
  const ingest = await store.ingest(digestOf(data));
  await ingest.write(randomBytes(1_500_000));
  await ingest.restart();
  assert.equal(ingest.offset, 0);
  await ingest.write(data);
  assert.equal(await ingest.commit(data.length), digestOf(data));
  assert.equal(store.size(digestOf(data)), data.length);
});

test('leftovers of crashes go: nameless ones at once, named ones after a day', () => {
  const ingests = join(directory, 'ingest');
  new BlobStore(directory);
  const [fresh, stale] = [digestHex(digestOf('a')), digestHex(digestOf('b'))];
  for (const name of ['new-1234', fresh, stale]) writeFileSync(join(ingests, name), 'x');
  const old = Date.now() / 1000 - 2 * 24 * 3600;
  utimesSync(join(ingests, stale), old, old);
  new BlobStore(directory);
  assert.deepEqual(readdirSync(ingests), [fresh]);
});

test('a damaged blob is noticed when it is read', async () => {
  const store = new BlobStore(directory);
  const digest = await store.put(Buffer.from('{"a":1}'));
  writeFileSync(join(directory, 'blobs/sha256', digestHex(digest)), '{"a":2}');
  await assert.rejects(store.read(digest), (error) => isEngineError(error, 'data-loss'));
});
