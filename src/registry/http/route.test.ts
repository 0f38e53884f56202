/** Which endpoint a URL means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { checkDigest, checkName, isRepositoryName, isTag } from './names.ts';
import { parseRoute, type RouteKind } from './route.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

const known: Array<[path: string, kind: RouteKind, repository: string, reference: string]> = [
  ['/', 'root', '', ''],
  ['/v2/', 'base', '', ''],
  ['/v2', 'base', '', ''],
  ['/v2/_catalog', 'catalog', '', ''],
  ['/v2/a/tags/list', 'tags', 'a', ''],
  ['/v2/a/b/manifests/v1', 'manifest', 'a/b', 'v1'],
  [`/v2/a/manifests/${digest}`, 'manifest', 'a', digest],
  [`/v2/a/manifests/${digest.replace(':', '%3a')}`, 'manifest', 'a', digest],
  [`/v2/a/blobs/${digest}`, 'blob', 'a', digest],
  ['/v2/a/blobs/uploads/', 'uploads', 'a', ''],
  ['/v2/a/blobs/uploads', 'uploads', 'a', ''],
  ['/v2/a/blobs/uploads/id', 'upload', 'a', 'id'],
  [`/v2/a/referrers/${digest}`, 'referrers', 'a', digest],
  ['/v2/a/blobs/uploads/manifests/v1', 'manifest', 'a/blobs/uploads', 'v1'],
  ['/v2/tags/list/tags/list', 'tags', 'tags/list', ''],
  ['/v2/uploads/x', 'unknown', '', ''],
  ['/v2/a/b', 'unknown', '', ''],
  ['/v2//', 'unknown', '', ''],
  ['v2/', 'unknown', '', ''],
  ['*', 'unknown', '', ''],
  ['/v1/', 'unknown', '', ''],
  ['/v2/%', 'unknown', '', ''],
];

test('the endpoints of the specification', () => {
  for (const [path, kind, repository, reference] of known) {
    const route = parseRoute(path, '');
    assert.deepEqual({ ...route, query: '' }, { kind, repository, reference, query: '' }, path);
    const prefixed = parseRoute(`/registry${path}?n=1`, '/registry');
    assert.equal(prefixed.kind, kind);
    assert.equal(prefixed.query.get('n'), '1');
    assert.equal(parseRoute(path, '/registry').kind, 'unknown');
  }
});

test('a target with scheme and host, as proxies write it', () => {
  assert.equal(parseRoute('http://registry:5000/v2/a/tags/list?n=2', '').kind, 'tags');
  assert.equal(parseRoute('https://x', '').kind, 'root');
});

test('no URL makes the parser throw, and what it reads is in the URL', () => {
  const near = fc
    .array(
      fc.constantFrom(
        '/v2/',
        'a',
        '/',
        'blobs',
        'uploads',
        'manifests',
        'tags/list',
        '%2f',
        '%',
        '?',
        digest,
      ),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.webPath(), fc.string(), near), (url) => {
      const { repository, reference } = parseRoute(url, '');
      if (url.includes('%')) return;
      assert.ok(url.includes(repository) && url.includes(reference));
    }),
  );
});

test('every name, tag and digest finds its way through a URL', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,3}){0,2}$/);
  const name = fc.array(fc.oneof(word, fc.constantFrom('blobs', 'uploads', 'tags', 'list', 'manifests')), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(name, fc.stringMatching(/^\w[\w.-]{0,20}$/), (parts, tag) => {
      const repository = parts.join('/');
      assert.ok(isRepositoryName(repository) && isTag(tag));
      const manifest = parseRoute(`/v2/${repository}/manifests/${tag}`, '');
      assert.deepEqual(
        [manifest.kind, manifest.repository, manifest.reference],
        ['manifest', repository, tag],
      );
      const upload = parseRoute(`/v2/${repository}/blobs/uploads/${tag}`, '');
      if (tag === 'list' || tag === '') return;
      assert.deepEqual([upload.kind, upload.repository, upload.reference], ['upload', repository, tag]);
    }),
  );
});

test('names and digests that are none are refused with an EngineError, in time that does not explode', () => {
  const long = `${'a-'.repeat(120)}A`;
  for (const check of [checkName, checkDigest]) {
    assert.throws(() => check(long), isEngineError);
    assert.throws(() => check(''), isEngineError);
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          assert.equal(check(text), text);
        } catch (error) {
          assert.ok(isEngineError(error, 'invalid-argument'));
        }
      }),
    );
  }
});
