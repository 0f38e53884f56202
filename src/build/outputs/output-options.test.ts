/** Attributes and annotations of outputs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { annotationsOf, flagOf, formOf } from './output-options.ts';

test('layers are in gzip unless told', () => {
  assert.deepEqual(formOf({}), { compression: 'gzip', isForced: false });
  assert.deepEqual(formOf({ compression: 'zstd', 'compression-level': '22', 'force-compression': 'true' }), {
    compression: 'zstd',
    level: 22,
    isForced: true,
  });
  assert.deepEqual(formOf({ compression: 'uncompressed', 'compression-level': '5' }), {
    compression: 'uncompressed',
    isForced: false,
  });
});

test('levels that a compressor does not have are refused, and so are compressions', () => {
  for (const attributes of [
    { 'compression-level': '10' },
    { 'compression-level': '-1' },
    { 'compression-level': '' },
    { compression: 'zstd', 'compression-level': '23' },
    { compression: 'estargz' },
    { 'force-compression': 'maybe' },
  ])
    assert.throws(() => formOf(attributes), { code: 'invalid-argument' }, JSON.stringify(attributes));
});

test('flags', () => {
  assert.equal(flagOf({}, 'push'), undefined);
  assert.equal(flagOf({ push: '' }, 'push'), true);
  assert.equal(flagOf({ push: 'False' }, 'push'), false);
});

test('annotations are of what they name', () => {
  const annotations = annotationsOf({
    plain: '1',
    'index:of.index': '2',
    'manifest[linux/arm64]:of.arm': '3',
    'index,manifest:of.both': '4',
    'manifest-descriptor:of.descriptor': '5',
    'org.example:with-colon': '6',
  });
  assert.deepEqual(annotations.of('manifest', 'linux/amd64'), {
    plain: '1',
    'of.both': '4',
    'org.example:with-colon': '6',
  });
  assert.deepEqual(annotations.of('manifest', 'linux/arm64'), {
    plain: '1',
    'of.arm': '3',
    'of.both': '4',
    'org.example:with-colon': '6',
  });
  assert.deepEqual(annotations.of('index'), { 'of.index': '2', 'of.both': '4' });
  assert.deepEqual(annotations.of('manifest-descriptor', 'linux/amd64'), { 'of.descriptor': '5' });
  assert.deepEqual(annotations.of('index-descriptor'), {});
});
