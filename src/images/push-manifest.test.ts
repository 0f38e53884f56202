/** Manifests that are made for a push. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { compressionOf, makeManifest } from './push-manifest.ts';

const config = { digest: digestOf('config'), size: 7 };
const layers = [
  { digest: digestOf('a'), mediaType: mediaTypes.ociLayerGzip, size: 1 },
  { digest: digestOf('b'), mediaType: mediaTypes.dockerLayerGzip, size: 2 },
];

test('Docker’s schema 2, in Docker’s own layout: the same each time', () => {
  const made = makeManifest(config, layers, false);
  assert.deepEqual(makeManifest(config, layers, false), made);
  assert.equal(made.digest, digestOf(made.data));
  assert.ok(made.data.toString().startsWith('{\n   "schemaVersion": 2,\n   "mediaType": '));
  const parsed = parseManifest(made.data);
  assert.ok(parsed.kind === 'manifest');
  assert.equal(parsed.mediaType, mediaTypes.dockerManifest);
  assert.equal(parsed.config.mediaType, mediaTypes.dockerConfig);
  assert.deepEqual(
    parsed.layers.map(({ mediaType }) => mediaType),
    [mediaTypes.dockerLayerGzip, mediaTypes.dockerLayerGzip],
  );
});

test('OCI’s, with the types of OCI for all', () => {
  const zstd = { digest: digestOf('c'), mediaType: mediaTypes.ociLayerZstd, size: 3 };
  const made = makeManifest(config, [...layers, zstd], true);
  assert.equal(made.mediaType, mediaTypes.ociManifest);
  assert.deepEqual(
    made.layers.map(({ mediaType }) => mediaType),
    [mediaTypes.ociLayerGzip, mediaTypes.ociLayerGzip, mediaTypes.ociLayerZstd],
  );
});

test('what a media type says of compression', () => {
  assert.equal(compressionOf(mediaTypes.dockerLayerGzip), 'gzip');
  assert.equal(compressionOf(mediaTypes.ociLayerZstd), 'zstd');
  for (const type of [mediaTypes.ociLayer, mediaTypes.dockerLayer, 'application/gzip', ''])
    assert.equal(compressionOf(type), 'none', type);
});
