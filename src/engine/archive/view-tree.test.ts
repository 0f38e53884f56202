/** Paths in a container's file system: links lead within it, whatever they say. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { placeIn, removeAt } from './view-remove.ts';
import { cleanPath, makeMissing, pathOf, release, ViewTree } from './view-tree.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'gantry-view-'));
  const commands = [
    'mkdir -p a/b/c etc; echo x >a/b/file',
    'ln -s /etc abs; ln -s ../../../../etc a/up; ln -s b a/down; ln -s loop loop; ln -s a/down/../down/c mixed; ln -s /gone/x dangling',
  ];
  execFileSync('sh', ['-ec', commands.join('; ')], { cwd: root });
});
after(() => rmSync(root, { recursive: true }));

function find(path: string, followLast = true): string {
  const tree = new ViewTree(root);
  try {
    const located = tree.locate(cleanPath(path), followLast);
    const found = `${pathOf(located)}${located.missing.length > 0 ? '?' : ''}`;
    release(located);
    return found;
  } finally {
    tree.root.release();
  }
}

test('links lead within the root', () => {
  assert.equal(find('/a/b/file'), '/a/b/file');
  assert.equal(find('/abs'), '/etc');
  assert.equal(find('/a/up'), '/etc');
  assert.equal(find('/mixed'), '/a/b/c');
  assert.equal(find('/a/down/file'), '/a/b/file');
  assert.equal(find('../../../../a/../../etc'), '/etc');
  assert.equal(find('/'), '/');
});

test('one at the end is followed where that is asked for, also by a slash', () => {
  assert.equal(find('/abs', false), '/abs');
  assert.equal(find('/abs/', false), '/etc');
  assert.equal(find('/abs/.', false), '/etc');
  assert.equal(find('/dangling'), '/gone/x?');
  assert.equal(find('/nope/../a'), '/a');
  assert.equal(find('/nope/deeper'), '/nope/deeper?');
});

test('what cannot be found out is an error', () => {
  const refused = (path: string, pattern: RegExp) =>
    assert.throws(
      () => find(path),
      (error) => isEngineError(error, 'invalid-argument') && pattern.test(error.message),
    );
  refused('/loop', /too many levels of symbolic links/);
  refused('/a/b/file/x', /not a directory/);
  refused('/a/b/file/', /not a directory/);
});

test('endings stay, and nothing else does', () => {
  assert.equal(cleanPath('a//b/../c/'), '/a/c/');
  assert.equal(cleanPath('/a/.'), '/a/.');
  assert.equal(cleanPath('../..'), '/');
  assert.equal(cleanPath('.'), '/.');
  assert.equal(cleanPath('ü'), '/Ã¼');
});

test('no path leads out, and no descriptor stays open', () => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  const part = fc.constantFrom(
    'a',
    'b',
    'c',
    'up',
    'down',
    'abs',
    'loop',
    'mixed',
    '..',
    '.',
    '',
    'file',
    'x',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.boolean(), (parts, followLast) => {
      try {
        assert.match(
          find(parts.join('/'), followLast),
          /^\/($|(a|etc|abs|loop|mixed|dangling|x|b|c|up|down|file)(\/|\?|$))/,
        );
      } catch (error) {
        assert.ok(isEngineError(error), String(error));
      }
    }),
  );
  assert.equal(open(), before);
});

test('missing directories are made, and trees removed without following links', () => {
  const outside = mkdtempSync(join(tmpdir(), 'gantry-outside-'));
  writeFileSync(join(outside, 'kept'), '');
  execFileSync(
    'sh',
    ['-ec', `mkdir -p rm/deep/er; ln -s ${outside} rm/out; ln -s ${outside} rm/deep/out; echo >rm/deep/f`],
    { cwd: root },
  );
  const tree = new ViewTree(root);
  const made = tree.locate('/new/one/two', true);
  makeMissing(made, (directory, name) => mkdirSync(placeIn(directory, name)));
  assert.equal(pathOf(made), '/new/one/two');
  release(made);
  removeAt(tree.root, 'rm');
  removeAt(tree.root, 'not-there');
  assert.ok(!readdirSync(root).includes('rm'));
  assert.deepEqual(readdirSync(outside), ['kept']);
  tree.root.release();
  rmSync(outside, { recursive: true });
});
