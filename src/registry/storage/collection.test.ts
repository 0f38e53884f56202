/** The collection beside pushes, and over a store that an engine shares. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  everything,
  isStored,
  pushBlob,
  pushImage,
  pushManifest,
} from '../../../test/registry/storage-contract-helpers.ts';
import { isEngineError } from '../../errors/engine-error.ts';
import { digestOf } from '../../oci/digest.ts';
import { BlobStore } from '../../store/blob-store.ts';
import { Database } from '../../store/database.ts';
import type { CollectReport, StoredManifest } from '../registry-types.ts';
import { collectInBackground } from './collect-in-background.ts';
import { LiveManifests } from './live-manifests.ts';
import { LocalStorage } from './local-storage.ts';
import { openLocalStorage } from './open-local-storage.ts';
import { Repository } from './repository.ts';

const limit = { timeout: 20_000 };

function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-collection-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test(
  'a manifest whose blob expires while it is put is refused, or the blob stays',
  limit,
  async (context) => {
    const storage = await openLocalStorage(temporary(context));
    let refused = 0;
    for (let round = 0; round < 20; round += 1) {
      const { digest } = await pushBlob(storage, 'a', `blob ${round}`);
      const [put] = await Promise.allSettled([
        pushManifest(storage, 'a', { references: [digest], tags: ['one'] }),
        storage.collect(everything),
      ]);
      const isHere = (await storage.blob('a', digest)) !== undefined && (await isStored(storage, digest));
      assert.equal(isHere, put.status === 'fulfilled');
      if (put.status === 'rejected') {
        assert.ok(isEngineError(put.reason, 'not-found'));
        refused += 1;
      }
    }
    assert.ok(refused > 0, 'the collection came in between at least once');
    await storage.collect(everything);
    assert.equal((await storage.collect(everything)).blobs, 0);
    await storage.close();
  },
);

function manifest(name: string, more: Partial<StoredManifest> = {}): StoredManifest {
  return {
    digest: digestOf(name),
    mediaType: 'x',
    size: 1,
    references: [],
    pushedAt: 1,
    pulledAt: 0,
    ...more,
  };
}

test('what is tagged while the living are searched is alive, with all that hangs on it', limit, async () => {
  const repository = new Repository('a');
  const [child, subject] = [manifest('child'), manifest('subject')];
  const index = manifest('index', { references: [child.digest] });
  const referrer = manifest('referrer', { subject: subject.digest });
  const others = Array.from({ length: 3000 }, (_, number) => manifest(`other ${number}`));
  for (const one of [child, subject, index, referrer, ...others]) repository.setManifest(one.digest, one);
  const live = new LiveManifests(repository);
  const marking = live.mark(2);
  await nextTurn();
  repository.setTag('late', { digest: index.digest, taggedAt: 3 });
  live.revive(index.digest);
  await marking;
  assert.ok(live.isLive(index.digest) && live.isLive(child.digest));
  assert.ok(!live.isLive(subject.digest) && !live.isLive(referrer.digest));
  // Found dead, but not deleted yet.
  repository.setTag('later', { digest: subject.digest, taggedAt: 4 });
  live.revive(subject.digest);
  assert.ok(live.isLive(subject.digest) && live.isLive(referrer.digest));
  assert.ok(others.every(({ digest }) => !live.isLive(digest)));
});

test('a store that an engine shares: neither takes what the other needs', limit, async (context) => {
  const directory = temporary(context);
  const blobs = new BlobStore(directory);
  const database = Database.open(join(directory, 'engine.db'));
  const needed = new Set<string>();
  const storage = new LocalStorage({ blobs, database, extraRoots: () => needed });
  context.after(() => database.close());
  const [ofEngine, abandoned] = [
    await blobs.put(Buffer.from('engine')),
    await blobs.put(Buffer.from('pull')),
  ];
  needed.add(ofEngine);
  assert.ok(!storage.keeps(ofEngine));
  assert.equal((await storage.collect(everything)).blobs, 0);
  assert.ok(blobs.has(abandoned), 'what never was in the registry is the engine’s affair');
  assert.equal((await storage.mount('a', ofEngine, undefined))?.size, 6);
  assert.ok(storage.keeps(ofEngine));
  const image = await pushImage(storage, 'a', 'image', ['one']);
  const { digest } = await pushManifest(storage, 'a', { references: [ofEngine], tags: ['two'] });
  for (const one of [...image.blobs, image.manifest, digest]) assert.ok(storage.keeps(one));
  needed.add(image.blobs[0] ?? '');
  await storage.deleteManifest('a', image.manifest);
  await storage.deleteManifest('a', digest);
  const report = await storage.collect(everything);
  assert.equal(report.blobs, 3, 'one layer and both manifests');
  assert.ok(blobs.has(ofEngine) && blobs.has(image.blobs[0] ?? ''));
  assert.ok(!blobs.has(image.blobs[1] ?? '') && !storage.keeps(ofEngine));
  await storage.close();
});

test('a collection stops early when it is told to, and when the storage closes', limit, async (context) => {
  const storage = await openLocalStorage(temporary(context));
  await pushBlob(storage, 'a', 'x');
  const stopped = await storage.collect({ ...everything, signal: AbortSignal.abort() });
  assert.equal(stopped.blobs, 0);
  const running = storage.collect(everything);
  await storage.close();
  await running;
});

test(
  'the background collects again and again, also after a failure, until it is stopped',
  limit,
  async () => {
    const lines: string[] = [];
    const empty: CollectReport = { blobs: 0, manifests: 0, uploads: 0, freed: 0 };
    let calls = 0;
    let third: () => void = () => undefined;
    const thrice = new Promise<void>((resolve) => {
      third = resolve;
    });
    const storage = {
      collect: async (): Promise<CollectReport> => {
        calls += 1;
        if (calls === 1) throw new Error('the disk is away');
        if (calls === 3) third();
        return calls === 2 ? { ...empty, blobs: 2 } : empty;
      },
    };
    const log = {
      info: (facts: unknown): number => lines.push(JSON.stringify(facts)),
      error: (text: unknown): number => lines.push(String(text)),
    };
    const timer = collectInBackground(storage, { interval: 2, grace: 1, untagged: false, log });
    // The timers of the background do not keep a process alive.
    const alive = setInterval(() => undefined, 1000);
    await thrice;
    await timer.stop();
    clearInterval(alive);
    assert.match(lines[0] ?? '', /the disk is away/);
    assert.match(lines[1] ?? '', /"blobs":2/);
    assert.equal(lines.length, 2, 'what found nothing says nothing');
  },
);
