/** Whatever is pushed, mounted, tagged, deleted and collected at the same time: what a manifest needs is there, and nothing else stays. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isStored, pushBlob, pushManifest } from '../../../test/registry/storage-contract-helpers.ts';
import { type ErrorCode, isEngineError } from '../../errors/engine-error.ts';
import { digestOf } from '../../oci/digest.ts';
import type { StoredManifest } from '../registry-types.ts';
import type { LocalStorage } from './local-storage.ts';
import { openLocalStorage } from './open-local-storage.ts';

const repositories = ['a', 'b/c'];
const repository = fc.constantFrom(...repositories);
const blob = fc.integer({ min: 0, max: 4 }).map((number) => `blob ${number}`);
const tag = fc.constantFrom('one', 'two');
/** Which of the manifests that were pushed so far. */
const nth = fc.nat({ max: 20 });

type Action =
  | { kind: 'push' | 'head' | 'deleteBlob'; repository: string; blob: string }
  | { kind: 'mount'; repository: string; blob: string; from: string | undefined }
  | { kind: 'image'; repository: string; blobs: string[]; tags: string[]; subject: number | undefined }
  | { kind: 'index'; repository: string; children: number[]; tags: string[] }
  | { kind: 'deleteManifest'; repository: string; nth: number }
  | { kind: 'deleteTag'; repository: string; tag: string }
  | { kind: 'collect'; untagged: boolean };

const tags = fc.uniqueArray(tag, { maxLength: 1 });
const blobs = fc.uniqueArray(blob, { maxLength: 3 });
const children = fc.array(nth, { maxLength: 3 });
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const of = <K extends Action['kind']>(...kinds: [K, ...K[]]): fc.Arbitrary<K> => fc.constantFrom(...kinds);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: of('push'), repository, blob }) },
  { weight: 1, arbitrary: fc.record({ kind: of('head', 'deleteBlob'), repository, blob }) },
  { weight: 2, arbitrary: fc.record({ kind: of('mount'), repository, blob, from: maybe(repository) }) },
  { weight: 4, arbitrary: fc.record({ kind: of('image'), repository, blobs, tags, subject: maybe(nth) }) },
  { weight: 2, arbitrary: fc.record({ kind: of('index'), repository, children, tags }) },
  { weight: 1, arbitrary: fc.record({ kind: of('deleteManifest'), repository, nth }) },
  { weight: 1, arbitrary: fc.record({ kind: of('deleteTag'), repository, tag }) },
  { weight: 2, arbitrary: fc.record({ kind: of('collect'), untagged: fc.boolean() }) },
);

class Run {
  readonly #directory: string;
  readonly #pushed: string[] = [];
  /** `REPOSITORY@DIGEST` of manifests that somebody deleted. */
  readonly #deleted = new Set<string>();
  storage: LocalStorage;

  constructor(directory: string, storage: LocalStorage) {
    this.#directory = directory;
    this.storage = storage;
  }

  async reopen(): Promise<void> {
    await this.storage.close();
    this.storage = await openLocalStorage(this.#directory);
  }

  async dispose(): Promise<void> {
    await this.storage.close();
    rmSync(this.#directory, { recursive: true });
  }

  async act(action: Action): Promise<unknown> {
    const { storage } = this;
    switch (action.kind) {
      case 'collect':
        return await storage.collect({ grace: 0, untagged: action.untagged, dryRun: false });
      case 'push':
        return await pushBlob(storage, action.repository, action.blob);
      case 'head':
        return await storage.blob(action.repository, digestOf(action.blob));
      case 'deleteBlob':
        return await unless('conflict', storage.deleteBlob(action.repository, digestOf(action.blob)));
      case 'mount':
        return await storage.mount(action.repository, digestOf(action.blob), action.from);
      case 'image':
        return await this.#put(action, action.blobs.map(digestOf), this.#nth(action.subject));
      case 'index':
        return await this.#put(
          action,
          action.children.flatMap((number) => this.#nth(number) ?? []),
        );
      case 'deleteManifest':
        return await this.#deleteManifest(action.repository, this.#nth(action.nth));
      case 'deleteTag':
        return await storage.deleteTag(action.repository, action.tag);
    }
  }

  /** All that present manifests need is here, byte for byte. */
  async checkWhole(): Promise<void> {
    for (const name of repositories) {
      for (const { digest, references } of await this.storage.manifests(name)) {
        assert.ok(await isStored(this.storage, digest), `manifest ${digest} of ${name}`);
        for (const needed of references) {
          if (this.#deleted.has(`${name}@${needed}`)) continue;
          const isHere =
            (await this.storage.blob(name, needed)) ?? (await this.storage.manifest(name, needed));
          assert.ok(isHere !== undefined, `${needed}, which ${digest} of ${name} needs, is linked`);
          assert.ok(await isStored(this.storage, needed), `${needed}, which ${digest} needs, is stored`);
        }
      }
      for (const { digest } of (await this.storage.tags(name, { limit: 10 })) ?? [])
        assert.ok((await this.storage.manifest(name, digest)) !== undefined, 'a tag names what is there');
    }
  }

  /** After a collection without grace. */
  async checkNothingElse(untagged: boolean): Promise<void> {
    const needed = new Set<string>();
    for (const name of repositories) {
      const manifests = new Map((await this.storage.manifests(name)).map((one) => [one.digest, one]));
      if (untagged) assert.deepEqual(new Set(manifests.keys()), await this.#reachable(name, manifests));
      for (const { digest, references } of manifests.values()) {
        needed.add(digest);
        for (const reference of references)
          if (manifests.has(reference) || !this.#deleted.has(`${name}@${reference}`)) needed.add(reference);
      }
    }
    const files = readdirSync(join(this.#directory, 'blobs/sha256')).map((name) => `sha256:${name}`);
    assert.deepEqual(new Set(files), needed);
    for (const folder of ['ingest', 'uploads'])
      assert.deepEqual(readdirSync(join(this.#directory, folder)), []);
  }

  async #reachable(name: string, manifests: Map<string, StoredManifest>): Promise<Set<string>> {
    const reached = new Set<string>();
    const queue = ((await this.storage.tags(name, { limit: 10 })) ?? []).map(({ digest }) => digest);
    for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
      const manifest = manifests.get(digest);
      if (manifest === undefined || reached.has(digest)) continue;
      reached.add(digest);
      queue.push(...manifest.references);
      for (const one of manifests.values()) if (one.subject === digest) queue.push(one.digest);
    }
    return reached;
  }

  #nth(number: number | undefined): string | undefined {
    return number === undefined ? undefined : this.#pushed[number % Math.max(1, this.#pushed.length)];
  }

  async #put(
    target: { repository: string; tags: string[] },
    references: string[],
    subject?: string,
  ): Promise<void> {
    const { repository, tags } = target;
    const manifest = { references, tags, ...(subject === undefined ? {} : { subject }) };
    const put = await unless('not-found', pushManifest(this.storage, repository, manifest));
    if (put === undefined) return;
    this.#pushed.push(put.digest);
    this.#deleted.delete(`${repository}@${put.digest}`);
  }

  async #deleteManifest(name: string, digest: string | undefined): Promise<void> {
    if (digest === undefined) return;
    if (await this.storage.deleteManifest(name, digest)) this.#deleted.add(`${name}@${digest}`);
  }
}

/** Undefined where it fails in this way. */
async function unless<T>(code: ErrorCode, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isEngineError(error, code)) return undefined;
    throw error;
  }
}

async function start(): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-property-'));
  return new Run(directory, await openLocalStorage(directory));
}

test('any interleaving of pushes, deletions and collections keeps what is needed, and only that', {
  timeout: 60_000,
}, async () => {
  const batches = fc.array(fc.array(action, { minLength: 1, maxLength: 8 }), { maxLength: 8 });
  const property = fc.asyncProperty(batches, fc.boolean(), async (all, restarts) => {
    const run = await start();
    try {
      for (const batch of all) {
        await Promise.all(batch.map((one) => run.act(one)));
        await run.checkWhole();
        if (restarts) await run.reopen();
      }
      for (const untagged of [false, true]) {
        await run.storage.collect({ grace: 0, untagged, dryRun: false });
        await run.checkWhole();
        await run.checkNothingElse(untagged);
      }
    } finally {
      await run.dispose();
    }
  });
  await fc.assert(property, { numRuns: 60 });
});
