/** References: Docker's rules and texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import {
  canonicalReference,
  familiarName,
  familiarReference,
  parseReference,
  withDefaultTag,
} from './reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

const forms: Array<[written: string, canonical: string, familiar: string]> = [
  ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['docker.io/busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['me/tool', 'docker.io/me/tool:latest', 'me/tool:latest'],
  ['localhost/tool', 'localhost/tool:latest', 'localhost/tool:latest'],
  ['localhost:5000/tool', 'localhost:5000/tool:latest', 'localhost:5000/tool:latest'],
  ['127.0.0.1:5000/a/b:tag', '127.0.0.1:5000/a/b:tag', '127.0.0.1:5000/a/b:tag'],
  ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
  ['ghcr.io/o/r/s:v1.2-rc_3', 'ghcr.io/o/r/s:v1.2-rc_3', 'ghcr.io/o/r/s:v1.2-rc_3'],
  ['Host/name', 'Host/name:latest', 'Host/name:latest'],
  [`alpine@${digest}`, `docker.io/library/alpine@${digest}`, `alpine@${digest}`],
  [`alpine:3@${digest}`, `docker.io/library/alpine:3@${digest}`, `alpine:3@${digest}`],
  ['a__b/c--d.e', 'docker.io/a__b/c--d.e:latest', 'a__b/c--d.e:latest'],
];

test('canonical and familiar forms', () => {
  for (const [written, canonical, familiar] of forms) {
    const reference = withDefaultTag(parseReference(written));
    assert.equal(canonicalReference(reference), canonical);
    assert.equal(familiarReference(reference), familiar);
  }
});

test('what Docker refuses is refused in its words', () => {
  const refused: Array<[string, string]> = [
    ['', 'invalid reference format'],
    [':tag', 'invalid reference format'],
    ['a b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a:', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['a/', 'invalid reference format'],
    ['a@sha256:12', 'invalid reference format'],
    [`a:${'t'.repeat(129)}`, 'invalid reference format'],
    ['a___b', 'invalid reference format'],
    ['../etc/passwd', 'invalid reference format'],
    ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
    ['localhost:5000/UP', 'invalid reference format: repository name (UP) must be lowercase'],
    [
      'ab'.repeat(32),
      `invalid repository name (${'ab'.repeat(32)}), cannot specify 64-byte hexadecimal strings`,
    ],
    ['a'.repeat(256), 'repository name must not be more than 255 characters'],
  ];
  for (const [written, message] of refused) {
    assert.throws(
      () => parseReference(written),
      (error) => isEngineError(error, 'invalid-argument') && error.message === message,
      written,
    );
  }
});

test('familiarName leaves out only what can be put back', () => {
  assert.equal(familiarName(parseReference('docker.io/library/a')), 'a');
  assert.equal(familiarName(parseReference('quay.io/library/a')), 'quay.io/library/a');
});

test('every reference that parses keeps its meaning through both forms', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-zA-Z0-9._/:@-]{1,40}$/), (text) => {
      let reference: ReturnType<typeof parseReference>;
      try {
        reference = withDefaultTag(parseReference(text));
      } catch (error) {
        assert.ok(isEngineError(error, 'invalid-argument'));
        return;
      }
      assert.deepEqual(parseReference(familiarReference(reference)), reference);
      assert.deepEqual(parseReference(canonicalReference(reference)), reference);
    }),
    { numRuns: 500 },
  );
});
