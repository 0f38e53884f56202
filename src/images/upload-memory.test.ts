/** What is remembered of uploads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Collection } from '../util/collection.ts';
import { parseUploadRecord, UploadMemory, type UploadRecord } from './upload-memory.ts';

function collection(entries: Array<[string, UploadRecord]> = []): Collection<UploadRecord> {
  const map = new Map(entries);
  return {
    get: (key) => map.get(key),
    put: (key, value) => void map.set(key, value),
    delete: (key) => map.delete(key),
    entries: () => [...map],
  };
}

const location = new URL('https://r.example/v2/x/blobs/uploads/1');

test('an upload is known until it is done', async () => {
  const records = collection();
  await new UploadMemory(records).using('x@1', async (place) => {
    assert.equal(place.known(), undefined);
    place.keep(location);
  });
  await new UploadMemory(records).using('x@1', async (place) => {
    assert.equal(place.known()?.href, location.href);
    place.forget();
  });
  assert.deepEqual(records.entries(), []);
});

test('two pushes of one blob do not share an upload', async () => {
  const records = collection([['x@1', { location: location.href, begunAt: Date.now() }]]);
  const memory = new UploadMemory(records);
  await memory.using('x@1', async () => {
    await memory.using('x@1', async (place) => {
      assert.equal(place.known(), undefined);
      place.forget();
    });
  });
  await memory.using('x@1', async (place) => assert.ok(place.known()));
});

test('old ones are forgotten at the start, and damaged ones are errors', () => {
  const records = collection([['x@1', { location: location.href, begunAt: 0 }]]);
  new UploadMemory(records);
  assert.deepEqual(records.entries(), []);
  for (const bad of [null, 'x', {}, { location: 1, begunAt: 1 }])
    assert.throws(() => parseUploadRecord(bad), { code: 'data-loss' });
});
