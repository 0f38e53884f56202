/** Compressing a layer for a push: by the helper and by zlib, and never twice. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { GzipHelper } from '../host/gzip-helper.ts';
import { startLauncher } from '../host/launcher.ts';
import type { Launcher } from '../host/launcher-types.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { BlobStore } from '../store/blob-store.ts';
import { compressBlob } from './compress-blob.ts';
import { Lease } from './leases.ts';

let directory: string;
let launcher: Launcher;
let blobs: BlobStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-compress-'));
  launcher = await startLauncher();
  blobs = new BlobStore(directory);
});

afterEach(async () => {
  await launcher.close();
  rmSync(directory, { recursive: true });
});

const program = join(import.meta.dirname, '../../native/build/gantry-gzip');

function helper(): GzipHelper {
  return new GzipHelper({ launcher, program, directory: join(directory, 'fifos') });
}

const plain = Buffer.concat([randomBytes(400_000), Buffer.alloc(2_000_000, 'layer')]);

test('a plain layer becomes gzip, by either way, and is held', async () => {
  const digest = await blobs.put(plain);
  for (const gzip of [undefined, helper()]) {
    const lease = new Lease();
    const reports: number[] = [];
    const blob = { digest, mediaType: mediaTypes.dockerLayer, size: plain.length };
    const compressed = await compressBlob({ blobs, gzip }, blob, lease, (bytes) => reports.push(bytes));
    assert.equal(compressed.mediaType, mediaTypes.dockerLayerGzip);
    assert.ok(lease.held.has(compressed.digest));
    assert.ok(gunzipSync(await blobs.read(compressed.digest)).equals(plain));
    assert.equal(compressed.size, blobs.size(compressed.digest));
    assert.equal(reports.at(-1), plain.length);
    assert.ok(reports.every((bytes) => bytes <= plain.length));
  }
});

test('what is compressed already is left alone', async () => {
  const blob = { digest: `sha256:${'0'.repeat(64)}`, mediaType: mediaTypes.ociLayerZstd, size: 3 };
  assert.equal(await compressBlob({ blobs, gzip: helper() }, blob, new Lease(), () => undefined), blob);
});

test('one that is cancelled leaves nothing', async () => {
  const digest = await blobs.put(randomBytes(30_000_000));
  const blob = { digest, mediaType: mediaTypes.ociLayer, size: 30_000_000 };
  for (const gzip of [undefined, helper()]) {
    const controller = new AbortController();
    const work = compressBlob(
      { blobs, gzip },
      blob,
      new Lease(),
      () => controller.abort(),
      controller.signal,
    );
    await assert.rejects(work, { code: 'cancelled' });
    assert.deepEqual(readdirSync(join(directory, 'ingest')), []);
    assert.deepEqual(blobs.digests(), [digest]);
  }
});
