import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TreeWalk } from './tree-walk.ts';
import { WalkThread } from './walk-thread.ts';

function makeTree(context: { after(work: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'size-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'a', 'b'), { recursive: true });
  writeFileSync(join(directory, 'a', 'one'), 'x'.repeat(1000));
  linkSync(join(directory, 'a', 'one'), join(directory, 'a', 'b', 'same'));
  writeFileSync(join(directory, 'two'), 'x'.repeat(23));
  symlinkSync('/usr', join(directory, 'usr'));
  return directory;
}

const expected = 1023 + '/usr'.length;

test('files count once, links lead nowhere, a slice at a time', (context) => {
  const directory = makeTree(context);
  const walk = new TreeWalk(directory);
  let slices = 1;
  while (walk.advance(2)) slices++;
  assert.equal(walk.total, expected);
  assert.equal(slices, 4, 'six entries, two at a time, and the end');
  symlinkSync(join(directory, 'a'), join(directory, 'link'));
  for (const name of ['nosuch', 'link']) {
    const none = new TreeWalk(join(directory, name));
    assert.equal(none.advance(10), false);
    assert.equal(none.total, 0, name);
  }
});

test('a thread counts many at once, and ends', async (context) => {
  const directory = makeTree(context);
  const thread = new WalkThread();
  const paths = [directory, join(directory, 'a'), join(directory, 'nosuch'), directory];
  const sizes = await Promise.all(paths.map((path) => thread.measure(path)));
  assert.deepEqual(sizes, [expected, 1000, 0, expected]);
  const unfinished = thread.measure(directory);
  await thread.close();
  await unfinished;
});
