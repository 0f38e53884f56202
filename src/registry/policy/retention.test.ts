import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { StoredManifest, StoredTag } from '../registry-types.ts';
import { applyRetention, type RetentionReport, type RetentionStorage } from './apply-retention.ts';
import type { RetentionRule } from './retention-plan.ts';
import { startRetention } from './retention-timer.ts';

const day = 86_400_000;
const now = 1000 * day;

interface Content {
  /** Name, digest, days since it was set. */
  tags?: Array<[string, string, number]>;
  /** Digest, days since it was pushed, and what else. */
  manifests?: Array<[string, number, Partial<StoredManifest>?]>;
}

/** Repositories in memory; digests are short words. */
class Memory implements RetentionStorage {
  readonly #tags = new Map<string, StoredTag[]>();
  readonly #manifests = new Map<string, StoredManifest[]>();

  constructor(content: Record<string, Content>) {
    for (const [name, { tags = [], manifests = [] }] of Object.entries(content)) {
      const stored = tags.map(([tag, digest, age]) => ({ name: tag, digest, taggedAt: now - age * day }));
      this.#tags.set(name, stored);
      this.#manifests.set(
        name,
        manifests.map(([digest, age, more]) => ({
          digest,
          mediaType: '',
          size: 1,
          references: [],
          pushedAt: now - age * day,
          pulledAt: 0,
          ...more,
        })),
      );
    }
  }

  repositories({ after = '', limit }: { after?: string; limit: number }): Promise<string[]> {
    const names = [...this.#tags.keys()].sort();
    return Promise.resolve(names.filter((name) => name > after).slice(0, limit));
  }
  tags(repository: string, { after = '' }: { after?: string }): Promise<StoredTag[]> {
    return Promise.resolve((this.#tags.get(repository) ?? []).filter(({ name }) => name > after));
  }
  tag(repository: string, name: string): Promise<StoredTag | undefined> {
    return Promise.resolve(this.#tags.get(repository)?.find((tag) => tag.name === name));
  }
  manifests(repository: string): Promise<StoredManifest[]> {
    return Promise.resolve(this.#manifests.get(repository) ?? []);
  }
  deleteTag(repository: string, name: string): Promise<boolean> {
    return Promise.resolve(this.#remove(this.#tags, repository, (tag) => tag.name === name));
  }
  deleteManifest(repository: string, digest: string): Promise<boolean> {
    this.#remove(this.#tags, repository, (tag) => tag.digest === digest);
    return Promise.resolve(this.#remove(this.#manifests, repository, (one) => one.digest === digest));
  }

  #remove<T>(from: Map<string, T[]>, repository: string, isMeant: (item: T) => boolean): boolean {
    const before = from.get(repository) ?? [];
    from.set(
      repository,
      before.filter((item) => !isMeant(item)),
    );
    return from.get(repository)?.length !== before.length;
  }

  async names(repository: string): Promise<string[]> {
    return (await this.tags(repository, {})).map(({ name }) => name);
  }
  async digests(repository: string): Promise<string[]> {
    return (await this.manifests(repository)).map(({ digest }) => digest);
  }
}

async function apply(
  memory: Memory,
  rules: RetentionRule[],
  more: { dryRun?: boolean; isProtected?: (repository: string, tag: string) => boolean } = {},
): Promise<RetentionReport> {
  return await applyRetention(memory, rules, { dryRun: false, now, ...more });
}

test('the last tags stay, and those that a pattern keeps', async () => {
  const memory = new Memory({
    app: {
      tags: [
        ['v1', 'a', 40],
        ['v2', 'b', 30],
        ['v3', 'c', 20],
        ['v4', 'd', 10],
        ['latest', 'a', 50],
      ],
    },
  });
  const report = await apply(memory, [{ repositories: '*', keepLast: 2, keepTags: ['latest'] }]);
  assert.deepEqual(await memory.names('app'), ['v3', 'v4', 'latest']);
  assert.deepEqual(report.tags, [
    { repository: 'app', tag: 'v2', digest: 'b', reason: 'is not among the last 2' },
    { repository: 'app', tag: 'v1', digest: 'a', reason: 'is not among the last 2' },
  ]);
  assert.equal(report.keptTags, 3);
});

test('old tags go, but never the last ones; rules are about tags of their pattern only', async () => {
  const memory = new Memory({
    app: {
      tags: [
        ['pr-1', 'a', 40],
        ['pr-2', 'b', 31],
        ['pr-3', 'c', 29],
        ['v1', 'd', 400],
      ],
    },
    alone: { tags: [['pr-9', 'a', 90]] },
    'deep/er': { tags: [['pr-9', 'a', 90]] },
  });
  const rule = { repositories: '*', tags: 'pr-*', keepLast: 1, deleteOlderThan: 30 * day };
  const report = await apply(memory, [rule]);
  assert.deepEqual(await memory.names('app'), ['pr-3', 'v1']);
  assert.deepEqual(await memory.names('alone'), ['pr-9']);
  assert.deepEqual(await memory.names('deep/er'), ['pr-9']);
  assert.equal(report.repositories, 2);
  assert.equal(report.tags[0]?.reason, 'was set more than 30 days ago');
});

test('tags whose image was not pulled for long go', async () => {
  const memory = new Memory({
    app: {
      tags: [
        ['used', 'a', 99],
        ['forgotten', 'b', 99],
        ['fresh', 'c', 1],
      ],
      manifests: [
        ['a', 99, { pulledAt: now - 2 * day }],
        ['b', 99, { pulledAt: now - 50 * day }],
        ['c', 99],
      ],
    },
  });
  const report = await apply(memory, [{ repositories: '**', deleteNotPulledFor: 14 * day }]);
  assert.deepEqual(await memory.names('app'), ['used', 'fresh']);
  assert.equal(report.tags[0]?.reason, 'was not pulled for 14 days');
});

test('whoever keeps a tag wins over every other rule, and immutable tags stay', async () => {
  const memory = new Memory({
    app: {
      tags: [
        ['v1', 'a', 99],
        ['stable', 'b', 99],
        ['old', 'c', 99],
      ],
      manifests: [['a', 99]],
    },
  });
  const rules = [
    { repositories: '**', deleteOlderThan: day, deleteUntaggedAfter: day },
    { repositories: 'app', keepTags: ['stable'] },
  ];
  await apply(memory, rules, { isProtected: (repository, tag) => repository === 'app' && tag === 'v1' });
  assert.deepEqual(await memory.names('app'), ['v1', 'stable']);
  assert.deepEqual(await memory.digests('app'), ['a']);
});

test('untagged manifests go once unused, with all that needs them alone', async () => {
  const memory = new Memory({
    app: {
      tags: [['index', 'index', 90]],
      manifests: [
        ['index', 90, { references: ['arm', 'amd', 'layer'] }],
        ['arm', 90],
        ['amd', 90],
        ['signature', 90, { subject: 'arm' }],
        ['lost', 90, { references: ['part'] }],
        ['part', 90],
        ['lost-signature', 90, { subject: 'lost' }],
        ['young', 2, { references: ['old-part'] }],
        ['old-part', 90],
        ['pulled', 90, { pulledAt: now - day }],
      ],
    },
  });
  const report = await apply(memory, [{ repositories: '**', deleteUntaggedAfter: 7 * day }]);
  assert.deepEqual(
    report.manifests.map(({ digest }) => digest),
    ['lost', 'part', 'lost-signature'],
  );
  assert.equal(report.manifests[0]?.reason, 'has had no tag and no use for 7 days');
  assert.equal((await memory.digests('app')).length, 7);
});

test('a dry run says the same and deletes nothing', async () => {
  const content = {
    app: {
      tags: [['old', 'a', 90] as [string, string, number]],
      manifests: [['a', 90] as [string, number]],
    },
  };
  const rules = [{ repositories: '**', deleteOlderThan: 7 * day, deleteUntaggedAfter: 7 * day }];
  const memory = new Memory(content);
  const dry = await apply(memory, rules, { dryRun: true });
  assert.deepEqual(await memory.names('app'), ['old']);
  assert.deepEqual(await memory.digests('app'), ['a']);
  const real = await apply(memory, rules);
  assert.deepEqual({ ...dry, dryRun: false }, real);
  assert.deepEqual([real.tags.length, real.manifests.length], [1, 1]);
  assert.deepEqual(await memory.digests('app'), []);
});

test('a tag that moves while rules are applied stays, and so does a manifest that is tagged', async () => {
  class Moving extends Memory {
    override tag(_repository: string, name: string): Promise<StoredTag | undefined> {
      return Promise.resolve({ name, digest: 'new', taggedAt: now });
    }
    #looks = 0;
    override async tags(repository: string, page: { after?: string }): Promise<StoredTag[]> {
      this.#looks += 1;
      const tags = await super.tags(repository, page);
      return this.#looks < 3 ? tags : [...tags, { name: 'rescued', digest: 'a', taggedAt: now }];
    }
  }
  const memory = new Moving({ app: { tags: [['old', 'gone', 90]], manifests: [['a', 90]] } });
  const rules = [{ repositories: '**', deleteOlderThan: 7 * day, deleteUntaggedAfter: 7 * day }];
  const report = await apply(memory, rules);
  assert.deepEqual([report.tags, report.manifests], [[], []]);
  assert.ok((await memory.names('app')).includes('old'));
  assert.deepEqual(await memory.digests('app'), ['a']);
});

test('the timer applies rules again and again, survives a failure, and stops', async () => {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line) => void lines.push(line) });
  let runs = 0;
  class Failing extends Memory {
    override repositories(page: { after?: string; limit: number }): Promise<string[]> {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('disk gone')) : super.repositories(page);
    }
  }
  const reports: RetentionReport[] = [];
  const memory = new Failing({ app: { tags: [['old', 'a', 90]] } });
  const rules = [{ repositories: '**', deleteOlderThan: day }];
  const timer = startRetention(memory, rules, {
    interval: 5,
    dryRun: false,
    log,
    onReport: (report) => reports.push(report),
  });
  for (let waited = 0; waited < 5000 && reports.length < 2; waited += 5) await sleep(5);
  await timer.stop();
  const stopped = runs;
  assert.equal(reports[0]?.tags.length, 1);
  assert.ok(lines.some((line) => line.includes('disk gone')));
  await sleep(20);
  assert.equal(runs, stopped);
});
