/** What a crash, a second process or somebody's hand does to the storage on this host. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import {
  bytesOf,
  everything,
  pushBlob,
  pushImage,
  tagNames,
} from '../../../test/registry/storage-contract-helpers.ts';
import { isEngineError } from '../../errors/engine-error.ts';
import { digestOf } from '../../oci/digest.ts';
import { openLocalStorage } from './open-local-storage.ts';

const limit = { timeout: 30_000 };

function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-crash-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

/** Pushes images, uploads in pieces and collects without end; says each thing that it was told is done. */
function pusher(directory: string, name: string): string {
  return `
    import { openLocalStorage } from ${module('./open-local-storage.ts')};
    import { pushImage } from ${module('../../../test/registry/storage-contract-helpers.ts')};
    const storage = await openLocalStorage(${JSON.stringify(directory)});
    const say = (...words) => process.stdout.write(words.join(' ') + '\\n');
    const images = async (lane) => {
      for (let n = 0; ; n += 1) {
        const name = ${JSON.stringify(name)} + lane + '-' + n;
        const { manifest, blobs } = await pushImage(storage, 'a', name, [name]);
        say('image', name, manifest, ...blobs);
      }
    };
    const pieces = async () => {
      for (;;) {
        let upload = await storage.beginUpload('a');
        const { id } = upload.status;
        for (let n = 1; n <= 3; n += 1) {
          await upload.write(Buffer.alloc(300_000, n));
          await upload.suspend();
          say('upload', id, n * 300_000);
          upload = await storage.resumeUpload('a', id);
        }
        await upload.suspend();
      }
    };
    const collections = async () => {
      for (;;) await storage.collect({ grace: 3_600_000, untagged: true, dryRun: false });
    };
    say('ready');
    await Promise.all([images('x'), images('y'), pieces(), collections()]);
  `;
}

/** Runs the pusher for some time and kills it. Returns what it said. */
async function crash(directory: string, name: string, milliseconds: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', pusher(directory, name)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    if (lines.push(line) === 1) setTimeout(() => child.kill('SIGKILL'), milliseconds);
  });
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGKILL');
  reader.close();
  // A line that was cut off was not said.
  return lines.slice(1, -1);
}

test(
  'kill -9 at any time: what was confirmed is there, no torn blob is, and uploads go on',
  limit,
  async (context) => {
    const directory = temporary(context);
    let confirmed = 0;
    for (let round = 0; round < 5; round += 1) {
      const lines = await crash(directory, `round${round}`, 40 + round * 60);
      const storage = await openLocalStorage(directory);
      const offsets = new Map<string, number>();
      for (const [kind, name = '', first = '', ...blobs] of lines.map((line) => line.split(' '))) {
        if (kind === 'upload') offsets.set(name, Number(first));
        else {
          confirmed += 1;
          assert.equal((await storage.tag('a', name))?.digest, first);
          for (const digest of blobs) assert.ok(await storage.blob('a', digest));
        }
      }
      for (const hex of readdirSync(join(directory, 'blobs/sha256')))
        assert.equal(digestOf(await bytesOf(storage, `sha256:${hex}`)), `sha256:${hex}`);
      for (const [id, offset] of offsets) {
        const upload = await storage.resumeUpload('a', id);
        assert.ok((upload?.status.offset ?? -1) >= offset, `upload ${id} has its ${offset} bytes`);
        const pieces = [1, 2, 3].map((n) => Buffer.alloc(300_000, n));
        const whole = Buffer.concat(pieces);
        await upload?.write(whole.subarray(upload.status.offset));
        assert.equal((await upload?.commit(digestOf(whole)))?.size, 900_000);
      }
      await storage.collect({ ...everything, untagged: true });
      assert.deepEqual(readdirSync(join(directory, 'uploads')), []);
      assert.deepEqual(readdirSync(join(directory, 'ingest')), []);
      await storage.close();
    }
    assert.ok(confirmed > 0);
  },
);

test('two registries never open one directory', limit, async (context) => {
  const directory = temporary(context);
  const storage = await openLocalStorage(directory);
  await assert.rejects(
    openLocalStorage(directory),
    (error) => isEngineError(error, 'conflict') && /in use/.test(error.message) && error.hint !== undefined,
  );
  await storage.close();
  await (await openLocalStorage(directory)).close();
});

test('blobs of another program are not taken for garbage', limit, async (context) => {
  const directory = temporary(context);
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  writeFileSync(join(directory, 'oci-layout'), '{}');
  writeFileSync(join(directory, 'blobs/sha256', digestOf('x').slice(7)), 'x');
  await assert.rejects(openLocalStorage(directory), (error) => isEngineError(error, 'failed-precondition'));
  assert.ok(existsSync(join(directory, 'blobs/sha256', digestOf('x').slice(7))));
});

test('a directory that cannot be is refused with a hint', limit, async (context) => {
  const file = join(temporary(context), 'file');
  writeFileSync(file, '');
  await assert.rejects(
    openLocalStorage(join(file, 'below')),
    (error) => isEngineError(error, 'failed-precondition') && error.hint !== undefined,
  );
});

test(
  'bytes that went missing take their links, manifests and tags along, and a push heals',
  limit,
  async (context) => {
    const directory = temporary(context);
    const first = await openLocalStorage(directory);
    const lostLayer = await pushImage(first, 'a', 'layer lost', ['one']);
    const lostManifest = await pushImage(first, 'a', 'manifest lost', ['two']);
    await first.close();
    const [, layer = ''] = lostLayer.blobs;
    for (const digest of [layer, lostManifest.manifest])
      rmSync(join(directory, 'blobs/sha256', digest.slice(7)));
    const messages: string[] = [];
    const storage = await openLocalStorage(directory, { warn: (text) => messages.push(text) });
    assert.equal(await storage.blob('a', layer), undefined);
    assert.equal(await storage.manifest('a', lostManifest.manifest), undefined);
    assert.deepEqual(await tagNames(storage, 'a'), ['one']);
    assert.equal(messages.length, 2);
    for (const digest of [layer, lostManifest.manifest]) assert.match(messages.join(), new RegExp(digest));
    await pushBlob(storage, 'a', 'layer of layer lost');
    assert.equal((await storage.blob('a', layer))?.digest, layer);
    await storage.close();
  },
);

test('files of uploads that nobody knows are removed', limit, async (context) => {
  const directory = temporary(context);
  await (await openLocalStorage(directory)).close();
  writeFileSync(join(directory, 'uploads/stranger'), 'x');
  const storage = await openLocalStorage(directory);
  await storage.collect(everything);
  assert.deepEqual(readdirSync(join(directory, 'uploads')), []);
  await storage.close();
});
