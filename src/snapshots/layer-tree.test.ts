/** Where names of an archive lead: never outside, whatever links it brings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { LayerTree } from './layer-tree.ts';

test('names are taken as paths from the root', () => {
  const tree = new LayerTree();
  for (const [name, path] of [
    ['a/b', 'a/b'],
    ['/a//b/', 'a/b'],
    ['./a/./b', 'a/b'],
    ['a/x/../b', 'a/b'],
    ['./', ''],
    ['', ''],
  ] as const) {
    assert.equal(tree.locate(name), path);
  }
  for (const name of ['..', '../a', 'a/../../b', '/..', './../etc/passwd']) {
    assert.throws(
      () => tree.locate(name),
      (error) => isEngineError(error, 'invalid-argument') && /outside/.test(error.message),
    );
  }
  assert.throws(
    () => tree.locate('x/'.repeat(3000)),
    (error) => isEngineError(error, 'invalid-argument'),
  );
});

test('links among the parents are followed with the layer as the root, the last component is not', () => {
  const tree = new LayerTree();
  tree.addSymlink('up', '../../../../etc');
  tree.addSymlink('absolute', '/usr/lib');
  tree.addSymlink('usr/lib/here', '.');
  tree.addSymlink('chain', 'absolute/here/x');
  assert.equal(tree.locate('up/passwd'), 'etc/passwd');
  assert.equal(tree.locate('absolute/so'), 'usr/lib/so');
  assert.equal(tree.locate('chain/y'), 'usr/lib/x/y');
  assert.equal(tree.locate('up'), 'up');
  tree.addSymlink('loop', 'loop/loop');
  assert.throws(
    () => tree.locate('loop/x'),
    (error) => isEngineError(error, 'invalid-argument'),
  );
});

test('what took a directory’s place takes its children’s too', () => {
  const tree = new LayerTree();
  tree.addDirectory('a');
  tree.addDirectory('a/b');
  tree.addSymlink('a/b/link', '/x');
  tree.addDirectory('ab');
  tree.remove('a');
  assert.ok(!tree.isDirectory('a/b'));
  assert.ok(tree.isDirectory('ab'));
  assert.equal(tree.locate('a/b/link/y'), 'a/b/link/y');
});

test('no name and no links lead out of the root', () => {
  const part = fc.constantFrom('a', 'b', 'c', '..', '.', '', '/', 'a/b', '/..');
  const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.array(fc.tuple(path, path), { maxLength: 8 }), path, (links, name) => {
      const tree = new LayerTree();
      try {
        for (const [at, target] of links) tree.addSymlink(tree.locate(at), target);
        const located = tree.locate(name);
        assert.ok(!located.startsWith('/'));
        assert.ok(
          located === '' ||
            located.split('/').every((piece) => piece !== '' && piece !== '.' && piece !== '..'),
        );
      } catch (error) {
        assert.ok(isEngineError(error), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
