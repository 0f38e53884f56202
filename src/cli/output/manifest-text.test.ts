/** Manifests are written as docker writes them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIndex, manifestText, platformsOf, verboseText } from './manifest-text.ts';

function row(MediaType: string, document: object) {
  const data = Buffer.from(JSON.stringify(document));
  const Digest = `sha256:${'a'.repeat(64)}`;
  return { Ref: 'r', MediaType, Digest, Size: data.length, Data: data.toString('base64') };
}

const indexType = 'application/vnd.oci.image.index.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

test('a manifest keeps the order of its fields, by tabs, with what HTML mistakes escaped', () => {
  const manifest = row(manifestType, {
    schemaVersion: 2,
    annotations: { b: '<&>\u2028', a: '' },
    layers: [],
  });
  assert.equal(isIndex(manifest), false);
  assert.equal(
    manifestText(manifest),
    '{\n\t"schemaVersion": 2,\n\t"annotations": {\n\t\t"b": "\\u003c\\u0026\\u003e\\u2028",\n\t\t"a": ""\n\t},\n\t"layers": []\n}\n',
  );
});

test('an index is what its images are, by three spaces, in one order', () => {
  const platform = { os: 'windows', variant: 'v1', 'os.version': '10', architecture: 'amd64' };
  const entry = { digest: 'sha256:1', annotations: { x: 'y' }, size: 5, mediaType: manifestType, platform };
  const index = row(indexType, {
    manifests: [entry, { digest: 'sha256:2' }],
    mediaType: indexType,
    schemaVersion: 2,
  });
  assert.equal(isIndex(index), true);
  assert.equal(
    manifestText(index),
    `{
   "schemaVersion": 2,
   "mediaType": "${indexType}",
   "manifests": [
      {
         "mediaType": "${manifestType}",
         "size": 5,
         "digest": "sha256:1",
         "platform": {
            "architecture": "amd64",
            "os": "windows",
            "os.version": "10",
            "variant": "v1"
         }
      },
      {
         "digest": "sha256:2",
         "platform": {
            "architecture": "",
            "os": ""
         }
      }
   ]
}
`,
  );
  assert.deepEqual(
    [...platformsOf(index)],
    [['sha256:1', { architecture: 'amd64', os: 'windows', 'os.version': '10', variant: 'v1' }]],
  );
});

test('what is no JSON is said', () => {
  const broken = { ...row(manifestType, {}), Data: Buffer.from('{').toString('base64') };
  assert.throws(() => manifestText(broken), { code: 'data-loss', message: /^the manifest of r is no JSON/ });
  assert.throws(() => verboseText([broken], false), { code: 'data-loss' });
});
