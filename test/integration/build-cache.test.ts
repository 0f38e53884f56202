/** The cache of builds: a hit exactly where all inputs are equal, over restarts, with reasons for misses, listed and pruned. */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { BuildRequest, PruneCacheQuery } from '../../src/build/build-types.ts';
import { removeImage } from '../../src/engine/images.ts';
import { TestBuilder, type Told } from '../support/build.ts';

let builder: TestBuilder;
before(async () => {
  builder = await TestBuilder.start();
});
after(() => builder.close());

const everything: PruneCacheQuery = {
  all: true,
  keepStorage: 0,
  maxUsedSpace: 0,
  minFreeSpace: 0,
  unusedFor: 0,
  filters: new Map(),
};

function prune(change: Partial<PruneCacheQuery> = {}): Promise<{ ids: string[]; bytes: number }> {
  return builder.builder.prune({ ...everything, ...change }, new AbortController().signal);
}

/** Of the steps whose name contains `text`: was each taken from the cache? */
function cached({ steps }: Told, text: string): boolean[] {
  const found = [...steps.values()].filter(({ name }) => name.includes(text));
  assert.notEqual(found.length, 0, `no step ${text} in ${[...steps.keys()].join(', ')}`);
  return found.map(({ isCached }) => isCached === true);
}

function reason({ steps }: Told, text: string): string | undefined {
  return [...steps.values()].find(({ name }) => name.includes(text))?.missReason;
}

const copying = 'FROM busybox\nCOPY in /in\nRUN cat /in/file >/out\n';

test('files are looked at by what is in them, never by their times', async () => {
  builder.write('in/file', 'first');
  builder.write('other', 'x');
  await builder.build(copying);
  utimesSync(join(builder.context, 'in/file'), 1, 1);
  builder.write('other', 'changed');
  const again = await builder.build(copying);
  assert.deepEqual([cached(again, 'COPY'), cached(again, 'RUN')], [[true], [true]]);
  const before = builder.image().id;
  builder.write('in/file', 'fresh');
  const changed = await builder.build(copying);
  assert.deepEqual([cached(changed, 'COPY'), cached(changed, 'RUN')], [[false], [false]]);
  assert.equal(await builder.run(['cat', '/out']), 'fresh');
  builder.write('in/file', 'first');
  await builder.build(copying);
  assert.equal(builder.image().id, before);
  chmodSync(join(builder.context, 'in/file'), 0o755);
  assert.deepEqual(cached(await builder.build(copying), 'COPY'), [false]);
});

test('why a step was not found is told', async () => {
  const dockerfile = 'FROM busybox\nARG V\nENV STEADY=1\nRUN echo reason $V\nCOPY why /why\n';
  builder.write('why', '1');
  const request = (value: string): Partial<BuildRequest> => ({ buildArgs: new Map([['V', value]]) });
  const first = await builder.build(dockerfile, request('a'));
  assert.equal(reason(first, 'RUN'), 'it was not built before');
  const second = await builder.build(dockerfile, request('b'));
  assert.equal(reason(second, 'RUN'), 'the environment has changed (V)');
  assert.equal(reason(second, 'COPY'), 'what it stands on has changed');
  builder.write('why', '2');
  const third = await builder.build(dockerfile, request('b'));
  assert.deepEqual(cached(third, 'RUN'), [true]);
  assert.equal(reason(third, 'COPY'), 'the files have changed');
  const uncached = await builder.build(dockerfile, { ...request('b'), noCache: true });
  assert.equal(reason(uncached, 'RUN'), 'the cache was not to be used');
});

test('nothing, or nothing of some stages, is taken from the cache where that is asked for', async () => {
  const dockerfile = `
FROM busybox AS one
RUN cat /proc/uptime >/one
FROM one AS two
RUN echo two
FROM busybox
RUN echo apart
COPY --from=two /one /one
`;
  await builder.build(dockerfile);
  const partly = await builder.build(dockerfile, { noCache: ['one'] });
  assert.deepEqual([cached(partly, 'uptime'), cached(partly, 'echo apart')], [[false], [true]]);
  // What stands on a step that was run anew is never what stood on its old result.
  assert.deepEqual([cached(partly, 'echo two'), cached(partly, 'COPY')], [[false], [false]]);
  const all = await builder.build(dockerfile);
  assert.deepEqual(
    [cached(all, 'uptime'), cached(all, 'echo two'), cached(all, 'COPY')],
    [[true], [true], [true]],
  );
});

test('what a stage brings is looked at by its content: a stage that was run anew with the same result changes nothing above', async () => {
  const dockerfile = (comment: string): string => `
FROM busybox AS make
RUN echo same >/result # ${comment}
FROM busybox
COPY --from=make /result /
RUN echo built on it
`;
  await builder.build(dockerfile('one'));
  const again = await builder.build(dockerfile('two'));
  assert.deepEqual(cached(again, 'echo same'), [false]);
  assert.deepEqual([cached(again, 'COPY'), cached(again, 'built on it')], [[true], [true]]);
});

test('the cache outlives the engine, images that were made with it, and their removal', async () => {
  builder.write('in/file', 'kept');
  await builder.build(copying);
  await builder.reopen();
  assert.deepEqual(cached(await builder.build(copying), 'RUN'), [true]);
  await removeImage(builder.test.engine, 'built', { force: true, prune: true });
  await builder.test.engine.images.collectGarbage();
  assert.deepEqual(cached(await builder.build(copying), 'RUN'), [true]);
  assert.equal(await builder.run(['cat', '/out']), 'kept');
});

test('mounts: what is bound counts, a secret or a cache does not', async () => {
  const dockerfile = `
FROM busybox
RUN --mount=source=bound,target=/b --mount=type=cache,target=/c --mount=type=secret,id=s cat /b; date >>/c/log
`;
  const secret = (text: string): Partial<BuildRequest> => ({
    secrets: { ...builder.request('').secrets, secret: async () => Buffer.from(text) },
  });
  builder.write('bound', '1');
  await builder.build(dockerfile, secret('one'));
  assert.deepEqual(cached(await builder.build(dockerfile, secret('two')), 'RUN'), [true]);
  builder.write('bound', '2');
  const changed = await builder.build(dockerfile, secret('two'));
  assert.deepEqual(cached(changed, 'RUN'), [false]);
  assert.match(reason(changed, 'RUN') ?? '', /mounts, or what is in them/);
});

test('it is listed, and pruned by age, size and filter; what images have stays unless all goes', async () => {
  await prune();
  await builder.build('FROM busybox\nRUN dd if=/dev/zero of=/big bs=1k count=300 2>/dev/null\n');
  await builder.build(
    'FROM busybox\nRUN --mount=type=cache,id=keep,target=/c echo more >/c/f; touch /unshared\n',
    {
      outputs: [{ kind: 'none' }],
    },
  );
  const records = builder.builder.cache();
  const big = records.find(({ description }) => description.includes('dd if='));
  assert.equal(big?.size, 300 * 1024);
  assert.equal(big?.isShared, true);
  assert.equal(
    records.some(
      ({ type, description }) => type === 'exec.cachemount' && description === 'cached mount keep',
    ),
    true,
  );
  const mounts = await prune({ filters: new Map([['type', ['exec.cachemount']]]) });
  assert.equal(mounts.ids.length, 1);
  const unshared = await prune({ all: false });
  assert.deepEqual(
    builder.builder.cache().map(({ id }) => id),
    [big?.id],
  );
  assert.equal(unshared.ids.length, 1);
  assert.deepEqual((await prune({ unusedFor: 3600_000 })).ids, []);
  assert.deepEqual((await prune({ keepStorage: 1 << 30 })).ids, []);
  assert.deepEqual((await prune({ keepStorage: 1 })).ids, [big?.id]);
  await assert.rejects(prune({ filters: new Map([['colour', ['red']]]) }), /invalid filter 'colour'/);
  assert.equal(await builder.run(['stat', '-c', '%s', '/big']), '307200\n');
});

test('a pruned step’s layers go once no image has them', async () => {
  await builder.build('FROM busybox\nRUN echo nobody’s >/gone\n', { outputs: [{ kind: 'none' }] });
  const [key] = builder.builder
    .cache()
    .filter(({ description }) => description.includes('/gone'))
    .map(({ id }) => id);
  const { engine } = builder.test;
  const [chainId = ''] =
    engine.images.builds
      .held(key ?? '')
      ?.slice(-1)
      .map((layer) => layer.chainId) ?? [];
  assert.equal(engine.snapshots.hasLayer(chainId), true);
  await prune();
  assert.equal(engine.snapshots.hasLayer(chainId), false);
});

test('random edits: a hit exactly when all inputs were there before', { timeout: 120_000 }, async () => {
  const edit = fc.record({
    content: fc.constantFrom('a', 'b'),
    mode: fc.constantFrom(0o644, 0o755),
    command: fc.constantFrom('x', 'y'),
    environment: fc.constantFrom('1', '2'),
    ignored: fc.constantFrom('p', 'q'),
  });
  const seenCopies = new Set<string>();
  const seenRuns = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 5 }), async (edits) => {
      for (const { content, mode, command, environment, ignored } of edits) {
        builder.write('rnd/file', content);
        chmodSync(join(builder.context, 'rnd/file'), mode);
        builder.write('unread', ignored);
        const told = await builder.build(
          `FROM busybox\nCOPY rnd /rnd\nENV E=${environment}\nRUN echo ${command}\n`,
        );
        const copy = `${content} ${mode}`;
        const run = `${copy} ${command} ${environment}`;
        assert.deepEqual(cached(told, 'COPY'), [seenCopies.has(copy)], copy);
        assert.deepEqual(cached(told, 'RUN'), [seenRuns.has(run)], run);
        seenCopies.add(copy);
        seenRuns.add(run);
      }
    }),
    { numRuns: 8 },
  );
});

test('builds of the same side by side, some of them cancelled, are all right', async () => {
  builder.write('shared', 'x');
  const dockerfile = 'FROM busybox\nRUN echo 1 >/1\nCOPY shared /shared\nRUN echo 2 >/2; sleep 0.1\n';
  const request = builder.request(dockerfile);
  const results = await Promise.allSettled(
    Array.from({ length: 9 }, (_, index) => {
      const stop = new AbortController();
      if (index % 3 === 0) setTimeout(() => stop.abort(), 30 * index + 20);
      const own = { ...request, id: `side-${index}`, noCache: index % 2 === 0 };
      return builder.builder.build(own, stop.signal);
    }),
  );
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    assert.equal(index % 3, 0, String(result.reason));
    assert.equal(result.reason.code, 'cancelled');
  }
  assert.equal(await builder.run(['cat', '/1', '/2', '/shared']), '1\n2\nx');
  assert.deepEqual(readdirSync(join(builder.test.config.dataRoot, 'overlay/drafts')), []);
});
