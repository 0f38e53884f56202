/** Manifests, indexes, configs and digests: what is taken and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { chainIdsOf, digestOf, parseDigest, shortId } from './digest.ts';
import { parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { checkImageConfig, parseImageConfig } from './parse-image-config.ts';

const digest = digestOf('x');
const config = { mediaType: mediaTypes.ociConfig, digest, size: 3 };
const layer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 5 };

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

test('an OCI and a Docker manifest', () => {
  for (const mediaType of [mediaTypes.ociManifest, mediaTypes.dockerManifest]) {
    const manifest = parseManifest(encode({ schemaVersion: 2, mediaType, config, layers: [layer] }));
    assert.ok(manifest.kind === 'manifest');
    assert.deepEqual(manifest.layers, [layer]);
  }
});

test('an index, its media type only served', () => {
  const manifests = [{ ...config, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }];
  const index = parseManifest(
    encode({ schemaVersion: 2, manifests }),
    `${mediaTypes.ociIndex}; charset=utf-8`,
  );
  assert.ok(index.kind === 'index');
  assert.deepEqual(index.manifests[0]?.platform, { os: 'linux', architecture: 'arm64' });
});

test('what a document says of itself: artifact type, subject and annotations', () => {
  const subject = { mediaType: mediaTypes.ociManifest, digest, size: 7 };
  const annotations = { 'org.example.a': 'b' };
  const urls = ['https://layers.example.org/1'];
  const own = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType: 'application/x' };
  const manifest = parseManifest(
    encode({ ...own, config, layers: [{ ...layer, urls }], subject, annotations }),
  );
  assert.ok(manifest.kind === 'manifest');
  assert.equal(manifest.artifactType, 'application/x');
  assert.deepEqual(manifest.subject, subject);
  assert.deepEqual(manifest.annotations, annotations);
  assert.deepEqual(manifest.layers[0]?.urls, urls);
  assert.throws(
    () => parseManifest(encode({ ...own, config, layers: [], subject: { digest: 'sha256:x' } })),
    (error) => isEngineError(error, 'invalid-argument'),
  );
});

test('schema 1 is refused clearly, ambiguous and broken documents too', () => {
  assert.throws(
    () =>
      parseManifest(encode({ schemaVersion: 1, name: 'a', fsLayers: [] }), mediaTypes.dockerSchema1Signed),
    (error) => isEngineError(error, 'not-implemented') && /schema 1/.test(error.message),
  );
  const bad: unknown[] = [
    null,
    [],
    { schemaVersion: 2, mediaType: 'text/plain', config, layers: [] },
    { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer], manifests: [] },
    {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [{ ...layer, digest: 'sha256:../../x' }],
    },
    { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [{ ...layer, size: -1 }] },
    { schemaVersion: 2, mediaType: mediaTypes.ociManifest, layers: [] },
    { mediaType: mediaTypes.ociManifest, config, layers: [] },
  ];
  for (const document of bad) {
    assert.throws(
      () => parseManifest(encode(document)),
      (error) => isEngineError(error, 'invalid-argument'),
    );
  }
  assert.throws(
    () => parseManifest(Buffer.from('{')),
    (error) => isEngineError(error, 'invalid-argument'),
  );
});

test('no document makes the parsers throw anything but an EngineError', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      for (const parse of [parseManifest, parseImageConfig]) {
        try {
          parse(Buffer.from(text));
        } catch (error) {
          assert.ok(isEngineError(error), String(error));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('chain IDs as in the specification', () => {
  const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')];
  const ab = digestOf(`${a} ${b}`);
  assert.deepEqual(chainIdsOf([a, b, c]), [a, ab, digestOf(`${ab} ${c}`)]);
  assert.deepEqual(chainIdsOf([]), []);
});

test('digests', () => {
  assert.equal(parseDigest(digest), digest);
  assert.equal(shortId(digest).length, 12);
  for (const bad of ['', 'sha256:', digest.toUpperCase(), `${digest}0`, 'md5:00', 7]) {
    assert.throws(
      () => parseDigest(bad),
      (error) => isEngineError(error, 'invalid-argument'),
    );
  }
});

test('image configurations: defaults for old ones, refusal of what could not run', () => {
  const rootfs = { type: 'layers', diff_ids: [digest] };
  const old = checkImageConfig({ rootfs, os: '', config: null, history: null });
  assert.equal(old.os, 'linux');
  assert.equal(old.config, undefined);
  const bad: unknown[] = [
    {},
    { rootfs: { type: 'layers', diff_ids: ['x'] } },
    { rootfs, config: { Env: 'A=b' } },
    { rootfs, config: { Cmd: [1] } },
    { rootfs, config: { Labels: { a: 1 } } },
    { rootfs, history: [1] },
    { rootfs: { type: 'layers', diff_ids: Array(501).fill(digest) } },
  ];
  for (const value of bad)
    assert.throws(
      () => checkImageConfig(value),
      (error) => isEngineError(error, 'invalid-argument'),
    );
});
