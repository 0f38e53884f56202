/** docker's rules for the places and names of copies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { absolutePath, followed, planCopy, splitArgument, splitEntry } from './copy-paths.ts';

test('what names a container, and what this host', () => {
  assert.deepEqual(splitArgument('web:/etc'), { container: 'web', path: '/etc' });
  assert.deepEqual(splitArgument('web:a:b'), { container: 'web', path: 'a:b' });
  assert.deepEqual(splitArgument('web:'), { container: 'web', path: '' });
  for (const path of ['/a:b', './a:b', 'plain', '-'])
    assert.deepEqual(splitArgument(path), { container: '', path });
});

test('endings that ask for a directory, or for what is in it, stay', () => {
  assert.equal(absolutePath('a/b/', '/x'), '/x/a/b/');
  assert.equal(absolutePath('a/./b/.', '/x'), '/x/a/b/.');
  assert.equal(absolutePath('.', '/x'), '/x/.');
  assert.equal(absolutePath('..', '/x/y'), '/x');
  assert.equal(absolutePath('/', '/x'), '/');
  assert.deepEqual(splitEntry('/a/b/.'), { directory: '/a/b', base: '.' });
  assert.deepEqual(splitEntry('/a/b/'), { directory: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/'), { directory: '/', base: '/' });
});

test('a link that was followed keeps its name', () => {
  assert.deepEqual(followed('/a/link', '/b/real'), { path: '/b/real', rebaseName: 'link' });
  assert.deepEqual(followed('/a/link/', '/b/real'), { path: '/b/real/', rebaseName: 'link' });
  assert.deepEqual(followed('/a/link/.', '/b/real'), { path: '/b/real/.', rebaseName: '' });
  assert.deepEqual(followed('/a/same', '/b/same'), { path: '/b/same', rebaseName: '' });
});

const file = { path: '/s/file', exists: true, isDirectory: false, rebaseName: '' };
const directory = { path: '/s/dir', exists: true, isDirectory: true, rebaseName: '' };
const none = { exists: false, isDirectory: false, rebaseName: '' };

test('into a directory that is there', () => {
  const into = { ...directory, path: '/d' };
  assert.deepEqual(planCopy(file, into), { directory: '/d', base: 'file' });
  assert.deepEqual(planCopy({ ...file, rebaseName: 'link' }, into), { directory: '/d', base: 'link' });
  assert.deepEqual(planCopy({ ...directory, path: '/s/dir/.' }, into), { directory: '/d', base: '.' });
});

test('under another name', () => {
  assert.deepEqual(planCopy(file, { ...none, path: '/d/new' }), { directory: '/d', base: 'new' });
  assert.deepEqual(planCopy(file, { ...file, path: '/d/old' }), { directory: '/d', base: 'old' });
  assert.deepEqual(planCopy(directory, { ...none, path: '/d/new/' }), { directory: '/d', base: 'new' });
});

test('what cannot be', () => {
  const refused = (act: () => unknown, text: string) =>
    assert.throws(act, (error) => isEngineError(error, 'invalid-argument') && error.message === text);
  refused(() => planCopy(directory, { ...file, path: '/d/old' }), 'cannot copy directory');
  for (const path of ['/d/new/', '/d/new/.', ''])
    refused(() => planCopy(file, { ...none, path }), 'no such directory');
});
