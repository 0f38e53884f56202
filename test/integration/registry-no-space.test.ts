/** A registry whose disk is full says so, loses nothing, and goes on when there is room again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { LocalStorage } from '../../src/registry/storage/local-storage.ts';
import { openLocalStorage } from '../../src/registry/storage/open-local-storage.ts';
import {
  isStored,
  pushBlob,
  pushImage,
  pushManifest,
  tagNames,
} from '../registry/storage-contract-helpers.ts';

const small = mkdtempSync(join(tmpdir(), 'gantry-small-'));
before(() => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]));
const open: LocalStorage[] = [];
after(async () => {
  for (const storage of open) await storage.close();
  execFileSync('umount', ['-l', small]);
  rmSync(small, { recursive: true });
});

const isFull = (error: unknown): boolean => isEngineError(error, 'resource-exhausted');

test('a full disk refuses blobs and manifests, and what was there stays', { timeout: 30_000 }, async () => {
  const directory = join(small, 'registry');
  const storage = await openLocalStorage(directory);
  open.push(storage);
  const image = await pushImage(storage, 'a', 'image', ['one']);
  await assert.rejects(pushBlob(storage, 'a', randomBytes(12_000_000)), isFull);
  assert.deepEqual(readdirSync(join(directory, 'uploads')), [], 'what did not fit is gone');
  const upload = await storage.beginUpload('a');
  const random = randomBytes(200_000);
  await upload.write(random);
  const filler = join(small, 'filler');
  assert.throws(() => writeFileSync(filler, Buffer.alloc(20_000_000)));
  await assert.rejects(upload.suspend(), isFull);
  let failures = 0;
  for (let round = 0; round < 40 && failures < 3; round += 1) {
    const put = pushManifest(storage, 'a', { references: image.blobs, tags: [`tag${round}`] });
    const [outcome] = await Promise.allSettled([put]);
    if (outcome.status === 'fulfilled') continue;
    failures += 1;
    assert.ok(isFull(outcome.reason), String(outcome.reason));
    assert.equal(await storage.tag('a', `tag${round}`), undefined, 'what failed is not seen');
  }
  assert.equal(failures, 3);
  rmSync(filler);
  const tags = await tagNames(storage, 'a');
  const later = await pushImage(storage, 'a', 'later', ['two']);
  const offset = (await storage.uploadStatus('a', upload.status.id))?.offset ?? -1;
  assert.ok(offset >= 0 && offset < random.length, `${offset} bytes fitted`);
  const again = await storage.resumeUpload('a', upload.status.id);
  assert.equal(again?.status.offset, offset);
  await again?.write(random.subarray(offset));
  await again?.commit(digestOf(random));
  await storage.close();
  const reopened = await openLocalStorage(directory);
  open.push(reopened);
  assert.deepEqual(await tagNames(reopened, 'a'), [...(tags ?? []), 'two'].toSorted());
  for (const digest of [image.manifest, later.manifest, ...image.blobs, ...later.blobs])
    assert.ok(await isStored(reopened, digest));
});
