import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import type { StoredTag } from '../registry-types.ts';
import type { PolicyConfig } from './policy-config.ts';
import { createPushPolicy, type PolicyStorage } from './push-policy.ts';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** A storage that holds `usage` bytes by prefix, and manifests and tags by repository. */
function storageOf(content: {
  usage?: Record<string, number>;
  manifests?: string[];
  tags?: Record<string, string>;
}): PolicyStorage {
  const { usage = {}, manifests = [], tags = {} } = content;
  const records = manifests.map((one) => ({
    digest: one,
    mediaType: '',
    size: 1,
    references: [],
    pushedAt: 0,
    pulledAt: 0,
  }));
  const stored = Object.entries(tags)
    .map(([name, of]): StoredTag => ({ name, digest: of, taggedAt: 0 }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    usage: (prefix) => Promise.resolve(usage[prefix] ?? 0),
    manifest: (_, of) => Promise.resolve(records.find((one) => one.digest === of)),
    manifests: () => Promise.resolve(records),
    tag: (_, name) => Promise.resolve(stored.find((one) => one.name === name)),
    tags: (_, { after = '', limit }) =>
      Promise.resolve(stored.filter(({ name }) => name > after).slice(0, limit)),
  };
}

async function refused(work: Promise<void> | undefined, message: string): Promise<void> {
  await assert.rejects(
    work ?? Promise.resolve(),
    (error) => isEngineError(error, 'forbidden') && error.message === message && error.hint !== undefined,
  );
}

const none: PolicyConfig = { quotas: [], immutable: [] };

test('bytes are bounded by what the quota counts together', async () => {
  const storage = storageOf({ usage: { team: 900, 'team/app': 100, '': 5_000_000 } });
  const policy = createPushPolicy(storage, {
    ...none,
    quotas: [
      { repositories: 'team/**', maxBytes: 1000 },
      { repositories: 'team/*', maxBytes: 250 },
      { repositories: '**', maxBytes: 5_000_400 },
    ],
  });
  await policy.checkPush('team/app', 100);
  await policy.checkPush('other', 400);
  await refused(
    policy.checkPush('team/app', 101),
    'quota "team/**" allows 1.0 kB (1000 bytes) in team: 900 bytes are used, this push would make it 1.0 kB (1001 bytes)',
  );
  await refused(
    policy.checkPush('other', 401),
    'quota "**" allows 5.0 MB (5000400 bytes) in this registry: 5.0 MB (5000000 bytes) are used, this push would make it 5.0 MB (5000401 bytes)',
  );
  const one = createPushPolicy(storage, { ...none, quotas: [{ repositories: 'team/*', maxBytes: 250 }] });
  await one.checkPush('team/app', 150);
  await refused(
    one.checkPush('team/app', 151),
    'quota "team/*" allows 250 bytes in team/app: 100 bytes are used, this push would make it 251 bytes',
  );
});

test('what is mounted within a quota is counted already', async () => {
  const policy = createPushPolicy(storageOf({ usage: { team: 900 } }), {
    ...none,
    quotas: [{ repositories: 'team/**', maxBytes: 1000, maxBlobBytes: 500 }],
  });
  await policy.checkPush('team/app', 400, 'team/base');
  await assert.rejects(policy.checkPush('team/app', 400, 'other/base'), /900 bytes are used/);
  await assert.rejects(policy.checkPush('team/app', 501, 'team/base'), /blobs of 500 bytes/);
});

test('the size of one blob is bounded', async () => {
  const policy = createPushPolicy(storageOf({}), {
    ...none,
    quotas: [{ repositories: 'small/**', maxBlobBytes: 10 }],
  });
  await policy.checkPush('small/x', 10);
  await policy.checkPush('large/x', 11);
  await refused(
    policy.checkPush('small/x', 11),
    'quota "small/**" allows blobs of 10 bytes in small/x: this one has 11 bytes',
  );
});

test('manifests and tags are bounded in number; what is there may come again', async () => {
  const storage = storageOf({
    manifests: [digest('a'), digest('b')],
    tags: { one: digest('a'), two: digest('b') },
  });
  const policy = createPushPolicy(storage, {
    ...none,
    quotas: [{ repositories: '**', maxManifests: 2, maxTags: 2 }],
  });
  await policy.checkManifest?.('app', digest('a'));
  await refused(
    policy.checkManifest?.('app', digest('c')),
    'quota "**" allows 2 manifests in app: 2 are there, this push would make it 3',
  );
  await policy.checkTag('app', 'one', digest('b'));
  await policy.checkTag('app', 'three', undefined);
  await refused(
    policy.checkTag('app', 'three', digest('a')),
    'quota "**" allows 2 tags in app: 2 are there, three would make it 3',
  );
});

test('more tags than a page holds are counted', async () => {
  const tags = Object.fromEntries(
    Array.from({ length: 1001 }, (_, index) => [`t${String(index).padStart(5, '0')}`, digest('a')]),
  );
  const quota = (maxTags: number): PolicyConfig => ({ ...none, quotas: [{ repositories: '**', maxTags }] });
  await createPushPolicy(storageOf({ tags }), quota(1002)).checkTag('app', 'new', digest('a'));
  const full = createPushPolicy(storageOf({ tags }), quota(1001));
  await refused(
    full.checkTag('app', 'new', digest('a')),
    'quota "**" allows 1001 tags in app: 1001 are there, new would make it 1002',
  );
});

test('an immutable tag neither moves nor goes, and may be pushed again as it is', async () => {
  const storage = storageOf({ tags: { 'v1.0': digest('a'), latest: digest('a') } });
  const policy = createPushPolicy(storage, {
    ...none,
    immutable: [{ repositories: 'prod/**', tags: 'v*' }],
  });
  await policy.checkTag('prod/app', 'v1.0', digest('a'));
  await policy.checkTag('prod/app', 'v2.0', digest('b'));
  await policy.checkTag('prod/app', 'latest', digest('b'));
  await policy.checkTag('dev/app', 'v1.0', digest('b'));
  const message = `tag v1.0 of prod/app is immutable: it names ${digest('a')}`;
  await refused(policy.checkTag('prod/app', 'v1.0', digest('b')), message);
  await refused(policy.checkTag('prod/app', 'v1.0', undefined), message);
});

test('a malformed pattern is refused at once', () => {
  const bad = { repositories: '[', tags: '*' };
  for (const config of [
    { ...none, quotas: [bad] },
    { ...none, immutable: [bad] },
  ]) {
    assert.throws(
      () => createPushPolicy(storageOf({}), config),
      (error) => isEngineError(error, 'invalid-argument'),
    );
  }
});
