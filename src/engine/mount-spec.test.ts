import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { isMountMode, parseBind, parseMountRequest } from './mount-spec.ts';

test('binds are read with their options', () => {
  const bind = parseBind('/src/./a/:/dst//b/:ro,z,rshared', '');
  assert.deepEqual([bind.type, bind.source, bind.destination], ['bind', '/src/a', '/dst/b']);
  assert.deepEqual([bind.readOnly, bind.propagation, bind.mode], [true, 'rshared', 'ro,z,rshared']);
  const volume = parseBind('data:/x:nocopy', 'local');
  assert.deepEqual(
    [volume.type, volume.source, volume.noCopy, volume.driver],
    ['volume', 'data', true, 'local'],
  );
  assert.equal(parseBind('/a:/b', '').propagation, 'rprivate');
});

test('a volume has no propagation', () => {
  assert.throws(() => parseBind('data:/x:rslave', ''), { code: 'invalid-argument' });
});

test('modes: known words, one of each kind', () => {
  for (const mode of ['', 'ro', 'rw,Z', 'cached,ro', 'z,nocopy,rw,rslave'])
    assert.ok(isMountMode(mode), mode);
  for (const mode of ['ro,rw', 'z,Z', 'x', ',', 'ro,', 'shared,private']) assert.ok(!isMountMode(mode), mode);
});

test('any text gives a clean absolute place, or is refused', () => {
  const word = fc.constantFrom('a', '/', '..', '.', ':', 'ro', ',', '\0', ' ', '//', 'vol');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      try {
        const { destination, type, source } = parseBind(words.join(''), '');
        assert.match(destination, /^\/[^\0]+$/);
        assert.ok(!destination.split('/').includes('..') && !destination.endsWith('/'));
        assert.ok(type === 'volume' || (source.startsWith('/') && !source.split('/').includes('..')));
      } catch (error) {
        assert.ok(isEngineError(error, 'invalid-argument'));
      }
    }),
    { numRuns: 2000 },
  );
});

test('options of a tmpfs are taken from --mount too, and checked', () => {
  const request = (options: string[]) => ({
    type: 'tmpfs' as const,
    source: '',
    target: '/t',
    readOnly: false,
    tmpfs: { sizeBytes: 4096, options },
  });
  assert.deepEqual(parseMountRequest(request(['exec', 'uid=5'])).tmpfsOptions, [
    'size=4096',
    'exec',
    'uid=5',
  ]);
  assert.throws(() => parseMountRequest(request(['context=x'])), {
    message: 'invalid tmpfs option ["context=x"]',
  });
});

test('the subpath of an image stays inside', () => {
  const request = (subpath: string) => ({
    type: 'image' as const,
    source: 'busybox',
    target: '/i',
    readOnly: false,
    image: { subpath },
  });
  assert.equal(parseMountRequest(request('bin')).subpath, 'bin');
  for (const astray of ['../x', '/etc', 'a/../../b'])
    assert.throws(
      () => parseMountRequest(request(astray)),
      /subpath must be a relative path within the image/,
    );
});
