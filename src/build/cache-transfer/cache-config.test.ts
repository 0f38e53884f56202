/** Cache configurations: what is written is what is read, and what others write does no harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { type CacheContent, type CachedLayer, cacheConfig, parseCacheConfig } from './cache-config.ts';

function layer(name: string): CachedLayer {
  const blob = { digest: digestOf(`${name} blob`), mediaType: mediaTypes.ociLayerGzip, size: name.length };
  return { diffId: digestOf(name), blob };
}

function read(document: unknown): CacheContent {
  return parseCacheConfig(Buffer.from(JSON.stringify(document)));
}

const [a, b, c] = [layer('a'), layer('b'), layer('c')];

test('steps and mounts are read as they were written', () => {
  const steps = new Map([
    [digestOf('one'), { layers: [a, b], createdAt: 1_700_000_000_123 }],
    [digestOf('two'), { layers: [a, b, c], createdAt: 5 }],
    // The same layer on top of another one.
    [digestOf('three'), { layers: [c, b], createdAt: 7 }],
  ]);
  const mounts = [{ id: '/root/.cache', layer: c }];
  const content = read(cacheConfig({ steps, mounts }));
  assert.deepEqual(new Map(content.steps), steps);
  assert.deepEqual(content.mounts, mounts);
});

test('layers that steps share are written once', () => {
  const steps = new Map([
    [digestOf('one'), { layers: [a, b], createdAt: 1 }],
    [digestOf('two'), { layers: [a, b, c], createdAt: 2 }],
  ]);
  const document = cacheConfig({ steps, mounts: [] }) as { layers: object[] };
  assert.equal(document.layers.length, 3);
});

test('records of other builders, with inputs, are left out', () => {
  const record = {
    digest: digestOf('one'),
    results: [{ layer: 0, createdAt: '2024-01-01T00:00:00Z' }],
    inputs: [[{ link: 0 }]],
  };
  const document = { ...cacheConfig({ steps: new Map(), mounts: [] }), records: [record] };
  assert.equal(read(document).steps.size, 0);
});

test('broken chains make no step', () => {
  const stored = (parent: unknown): object => ({
    blob: a.blob.digest,
    parent,
    annotations: { mediaType: a.blob.mediaType, diffID: a.diffId, size: 1 },
  });
  const records = (index: unknown): object[] => [
    { digest: digestOf('one'), results: [{ layer: index, createdAt: '' }] },
  ];
  for (const document of [
    // Circles, and indexes that lead nowhere.
    { layers: [stored(1), stored(0)], records: records(0) },
    { layers: [stored(7)], records: records(0) },
    { layers: [stored(-1)], records: records(3) },
    { layers: [stored(-1)], records: records('0') },
    { layers: [{ ...stored(-1), blob: '../../etc' }], records: records(0) },
    { layers: [{ ...stored(-1), annotations: { mediaType: 'text/html' } }], records: records(0) },
  ])
    assert.equal(read(document).steps.size, 0, JSON.stringify(document));
});

test('what is no configuration is an error', () => {
  for (const text of ['[]', '{"layers":5}', '{"records":[5]}', 'x'])
    assert.throws(() => parseCacheConfig(Buffer.from(text)), { code: 'invalid-argument' }, text);
});
