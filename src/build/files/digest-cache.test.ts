import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DigestCache } from './digest-cache.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-digests-'));
after(() => rmSync(root, { recursive: true }));
const digest = 'a'.repeat(64);
const statsOf = (path: string) => lstatSync(path, { bigint: true });

test('a file that rested is known again, by another cache too, until anything of it changes', async () => {
  const [file, store] = [join(root, 'file'), join(root, 'sub/store')];
  writeFileSync(file, '1');
  await sleep(200);
  const cache = new DigestCache(store);
  cache.load();
  assert.equal(cache.find(statsOf(file)), undefined);
  cache.add(statsOf(file), digest);
  cache.save();
  const other = new DigestCache(store);
  other.load();
  assert.equal(other.find(statsOf(file)), digest);
  utimesSync(file, 1, 1);
  assert.equal(other.find(statsOf(file)), undefined);
  assert.deepEqual(readdirSync(join(root, 'sub')), ['store']);
});

test('what was changed a moment ago is not trusted to have been read whole', () => {
  const file = join(root, 'fresh');
  writeFileSync(file, '1');
  const cache = new DigestCache(join(root, 'store'));
  cache.add(statsOf(file), digest);
  assert.equal(cache.find(statsOf(file)), undefined);
});

test('a store that is no store, or cannot be written, is none', async () => {
  const file = join(root, 'another');
  writeFileSync(file, '1');
  await sleep(200);
  for (const store of ['rubbish', 'gantry-file-digests-1\nx\n1:2 3 short\n']) {
    writeFileSync(join(root, 'bad'), store);
    const cache = new DigestCache(join(root, 'bad'));
    cache.load();
    assert.equal(cache.find(statsOf(file)), undefined);
  }
  const cache = new DigestCache(join(file, 'below-a-file'));
  cache.load();
  cache.add(statsOf(file), digest);
  cache.save();
  assert.equal(cache.find(statsOf(file)), digest);
});
