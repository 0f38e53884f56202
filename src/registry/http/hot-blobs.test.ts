/** Blobs kept at hand: bounded, and read once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../errors/engine-error.ts';
import { HotBlobs, smallBlob } from './hot-blobs.ts';

function countingStorage(size: number): { reads: string[]; read(digest: string): Promise<Buffer> } {
  const reads: string[] = [];
  return {
    reads,
    read: async (digest) => {
      reads.push(digest);
      if (digest === 'absent') throw new EngineError('not-found', 'absent');
      return Buffer.alloc(size, digest);
    },
  };
}

test('what is asked for at the same time is read once, and kept', async () => {
  const storage = countingStorage(10);
  const hot = new HotBlobs(storage);
  assert.equal(hot.get('a'), undefined);
  const [one, two] = await Promise.all([hot.read('a'), hot.read('a')]);
  assert.equal(one, two);
  assert.equal(hot.get('a'), one);
  assert.deepEqual(storage.reads, ['a']);
});

test('the least recently used go when the room is full; what is too large is never kept', async () => {
  const hot = new HotBlobs(countingStorage(10), 30);
  for (const name of ['a', 'b', 'c']) await hot.read(name);
  hot.get('a');
  await hot.read('d');
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => hot.get(name) !== undefined),
    [true, false, true, true],
  );
  const large = new HotBlobs(countingStorage(smallBlob + 1));
  await large.read('a');
  assert.equal(large.get('a'), undefined);
});

test('a failed read is not remembered', async () => {
  const storage = countingStorage(10);
  const hot = new HotBlobs(storage);
  for (let turn = 0; turn < 2; turn += 1) await assert.rejects(hot.read('absent'), { code: 'not-found' });
  assert.deepEqual(storage.reads, ['absent', 'absent']);
});
