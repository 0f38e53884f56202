/** Caches of builds on another data root: over a registry, within an image, and as an OCI layout; cache mounts with them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BuildOutput, BuildRequest, BuildVertex } from '../../src/build/build-types.ts';
import { DirectoryLayout } from '../../src/build/cache-transfer/directory-layout.ts';
import { TestBuilder, type Told } from '../support/build.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let here: TestBuilder;
let registry: TestRegistry;
const directory = mkdtempSync(join(tmpdir(), 'gantry-cache-'));

before(async () => {
  here = await TestBuilder.start();
  registry = await startRegistry();
});
after(async () => {
  await here.close();
  await registry.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Each test has steps of its own. */
function dockerfile(salt: string): string {
  return `
FROM busybox AS tools
RUN echo ${salt}-tool > /tool
FROM busybox
WORKDIR /app
COPY file.txt .
RUN echo ${salt} > said
COPY --from=tools /tool /tool
`;
}

const instructions = /^\[.*\] (RUN|COPY|WORKDIR|ADD) /;

function steps({ steps: all }: Told): BuildVertex[] {
  return [...all.values()].filter(({ name }) => instructions.test(name));
}

function uncached(told: Told): string[] {
  return steps(told)
    .filter(({ isCached }) => isCached !== true)
    .map(({ name }) => name);
}

/** The build on an engine that has nothing of it. */
async function elsewhere(
  content: string,
  change: Partial<BuildRequest>,
  work: (told: Told, builder: TestBuilder) => Promise<void> | void,
): Promise<void> {
  const other = await TestBuilder.start();
  try {
    other.write('file.txt', 'in a file\n');
    await work(await other.build(content, change), other);
  } finally {
    await other.close();
  }
}

async function fill(content: string, change: Partial<BuildRequest>): Promise<Told> {
  here.write('file.txt', 'in a file\n');
  return await here.build(content, change);
}

function registryCache(name: string, more: Record<string, string> = {}): BuildRequest['cacheTo'][number] {
  return { type: 'registry', attributes: { ref: `${registry.host}/cache/${name}:latest`, ...more } };
}

test('over a registry, with mode max all steps are found on another data root, and the image is the same', async () => {
  const content = dockerfile('first');
  const cache = registryCache('first', { mode: 'max' });
  const { result } = await fill(content, { cacheTo: [cache] });
  await elsewhere(content, { cacheFrom: [cache] }, async (told, builder) => {
    assert.deepEqual(uncached(told), []);
    assert.equal(steps(told).length, 5);
    assert.equal(told.result.imageId, result.imageId);
    assert.equal(
      await builder.run(['cat', '/app/said', '/tool', '/app/file.txt']),
      'first\nfirst-tool\nin a file\n',
    );
  });
});

test('what has changed is run, and what comes before it is found', async () => {
  const cache = registryCache('changed', { mode: 'max' });
  await fill(dockerfile('changed'), { cacheTo: [cache] });
  const content = dockerfile('changed').replace('RUN echo changed > said', 'RUN echo new > said');
  await elsewhere(content, { cacheFrom: [cache] }, (told) => {
    const names = uncached(told);
    assert.equal(names.length, 2, names.join());
    assert.match(names[0] ?? '', /RUN echo new > said/);
    assert.match(names[1] ?? '', /COPY --from=tools/);
  });
});

test('mode min has the steps of the target alone', async () => {
  const content = dockerfile('min');
  const cache = registryCache('min');
  await fill(content, { cacheTo: [cache] });
  await elsewhere(content, { cacheFrom: [cache] }, (told) => {
    assert.deepEqual(
      uncached(told),
      ['[tools 2/2] RUN echo min-tool > /tool'].filter((name) => told.steps.has(name)),
    );
  });
});

test('within an image that is pushed', async () => {
  const content = dockerfile('inline');
  const name = `${registry.host}/cache/inline-image:1`;
  const output: BuildOutput = {
    kind: 'image',
    names: [name],
    push: true,
    isInsecure: false,
    annotations: {},
  };
  await fill(content, { outputs: [output], cacheTo: [{ type: 'inline', attributes: {} }] });
  const cacheFrom = [{ type: 'registry' as const, attributes: { ref: name } }];
  await elsewhere(content, { cacheFrom }, async (told, builder) => {
    assert.deepEqual(
      uncached(told).filter((step) => !step.includes('inline-tool')),
      [],
    );
    assert.equal(await builder.run(['cat', '/app/said']), 'inline\n');
  });
});

test('as an OCI layout, in zstd', async () => {
  const content = dockerfile('layout');
  const layout = new DirectoryLayout(join(directory, 'layout'));
  const attributes = { mode: 'max', compression: 'zstd', 'force-compression': 'true' };
  const { result } = await fill(content, { cacheTo: [{ type: 'local', attributes, content: layout }] });
  const { digest } = JSON.parse(result.metadata['cache.manifest'] ?? '');
  const { layers } = JSON.parse(
    readFileSync(join(directory, 'layout/blobs/sha256', digest.slice(7)), 'utf8'),
  );
  assert.ok(layers.every(({ mediaType }: { mediaType: string }) => mediaType.endsWith('zstd')));
  // The layout's own index tells which one it is.
  const cacheFrom = [{ type: 'local' as const, attributes: {}, content: layout }];
  await elsewhere(content, { cacheFrom }, async (told, builder) => {
    assert.deepEqual(uncached(told), []);
    assert.equal(await builder.run(['cat', '/app/said']), 'layout\n');
  });
});

test('cache mounts go along where both sides ask for them', async () => {
  const content = `
FROM busybox
RUN --mount=type=cache,target=/store ls /store > /before; echo kept > /store/thing; echo mounts
`;
  const cache = registryCache('mounts', { mounts: '1' });
  await fill(content, { cacheTo: [cache] });
  const changed = content.replace('echo mounts', 'echo mounts again');
  await elsewhere(changed, { cacheFrom: [cache] }, async (_told, builder) => {
    assert.equal(await builder.run(['cat', '/before']), 'thing\n');
  });
  const without = registryCache('mounts');
  await elsewhere(changed, { cacheFrom: [without] }, async (_told, builder) => {
    assert.equal(await builder.run(['cat', '/before']), '');
  });
});

test('a cache that is not there is told of, and the build goes on', async () => {
  const content = dockerfile('absent');
  await elsewhere(content, { cacheFrom: [registryCache('absent')] }, (told) => {
    const step = [...told.steps.values()].find(({ name }) =>
      name.startsWith('importing cache manifest from'),
    );
    assert.match(step?.error ?? '', /not found|unknown/);
    assert.equal(uncached(told).length, 5);
  });
});

test('a layer that is gone from the registry is made anew', async () => {
  const content = dockerfile('damaged');
  const layout = new DirectoryLayout(join(directory, 'damaged'));
  const { result } = await fill(content, {
    cacheTo: [{ type: 'local', attributes: { mode: 'max' }, content: layout }],
  });
  const { digest } = JSON.parse(result.metadata['cache.manifest'] ?? '');
  const path = (name: string): string => join(directory, 'damaged/blobs/sha256', name.slice(7));
  const { layers } = JSON.parse(readFileSync(path(digest), 'utf8'));
  for (const layer of layers.slice(1)) rmSync(path(layer.digest));
  const cacheFrom = [{ type: 'local' as const, attributes: { digest }, content: layout }];
  await elsewhere(content, { cacheFrom }, async (told, builder) => {
    assert.ok(uncached(told).length > 0);
    assert.equal(await builder.run(['cat', '/app/said', '/tool']), 'damaged\ndamaged-tool\n');
  });
});

test('an export that fails ends the build, unless errors are to be ignored', async () => {
  const content = dockerfile('failing');
  const attributes = { ref: '127.0.0.1:1/nobody/there' };
  await assert.rejects(fill(content, { cacheTo: [{ type: 'registry', attributes }] }));
  const ignored = { ...attributes, 'ignore-error': 'true' };
  const told = await fill(content, { cacheTo: [{ type: 'registry', attributes: ignored }] });
  assert.match(told.output, /exporting the cache failed/);
  await assert.rejects(
    fill(content, { cacheTo: [registryCache('x', { mode: 'all' })] }),
    /invalid cache mode "all"/,
  );
});
