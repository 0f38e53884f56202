import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { gitEnvironment } from './git-program.ts';
import { parseGitUrl } from './git-url.ts';

test('references and folders, as a fragment and as a query', () => {
  const parsed = (url: string): unknown[] => {
    const { remote, ref, subdir } = parseGitUrl(url);
    return [remote, ref, subdir];
  };
  const url = 'https://host/a/b.git';
  assert.deepEqual(parsed(url), [url, undefined, '']);
  assert.deepEqual(parsed(`${url}#v1`), [url, 'v1', '']);
  assert.deepEqual(parsed(`${url}#:sub/dir`), [url, undefined, 'sub/dir']);
  assert.deepEqual(parsed(`${url}#baz/qux:quux/quuz`), [url, 'baz/qux', 'quux/quuz']);
  assert.deepEqual(parsed(`${url}?branch=b&subdir=s`), [url, 'refs/heads/b', 's']);
  assert.deepEqual(parsed(`${url}?tag=t`), [url, 'refs/tags/t', '']);
  assert.deepEqual(parsed(`${url}?ref=pull/42/head`), [url, 'pull/42/head', '']);
  assert.deepEqual(parsed('git@host:a/b.git#x'), ['git@host:a/b.git', 'x', '']);
  assert.deepEqual(parsed('ssh://git@host:22/a'), ['ssh://git@host:22/a', undefined, '']);
});

test('the other questions', () => {
  const address = parseGitUrl('https://host/a.git?keep-git-dir=1&submodules=false&checksum=abcdef1');
  assert.deepEqual([address.keepGitDir, address.submodules, address.checksum], [true, false, 'abcdef1']);
  assert.equal(parseGitUrl('https://host/a.git').submodules, true);
});

test('what git would take for something else is refused', () => {
  const bad = [
    'file:///etc',
    'ext::sh -c id',
    '/etc',
    '--upload-pack=x',
    'https://host/a.git#-x',
    'https://host/a.git#a..b',
    'https://host/a.git#a b',
    'https://host/a.git?ref=%2D-exec',
    'https://host/a.git?what=1',
    'https://host/a b.git',
    'git@host:a\nb',
  ];
  for (const url of bad)
    assert.throws(
      () => parseGitUrl(url),
      (error) => isEngineError(error, 'invalid-argument'),
      url,
    );
});

test('whatever comes through is no option and no local protocol', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', 'https://h/', 'git@h:', 'file://', '-'),
      (text, prefix) => {
        try {
          const { remote, ref } = parseGitUrl(prefix + text);
          assert.match(remote, /^((https?|git|ssh):\/\/|[a-zA-Z0-9_.-]+@)/i);
          assert.doesNotMatch(ref ?? '', /^-/);
        } catch (error) {
          assert.ok(isEngineError(error), String(error));
        }
      },
    ),
  );
});

test('a token goes to its server alone, and only over TLS', () => {
  const withToken = Object.entries(gitEnvironment('https://host:8443/a/b.git', { token: 'secret' }));
  const header = withToken.find(([, value]) => value === 'http.https://host:8443/.extraHeader');
  assert.ok(header !== undefined);
  const value = withToken.find(([key]) => key === header[0].replace('KEY', 'VALUE'))?.[1] ?? '';
  assert.equal(Buffer.from(value.split(' ').at(-1) ?? '', 'base64').toString(), 'x-access-token:secret');
  for (const remote of ['http://host/a.git', 'git@host:a.git']) {
    assert.doesNotMatch(JSON.stringify(gitEnvironment(remote, { token: 'secret' })), /extraHeader/);
  }
});
