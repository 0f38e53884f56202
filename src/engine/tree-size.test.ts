import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { treeSize } from './tree-size.ts';

test('files count once, links lead nowhere', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'size-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'a', 'b'), { recursive: true });
  writeFileSync(join(directory, 'a', 'one'), 'x'.repeat(1000));
  linkSync(join(directory, 'a', 'one'), join(directory, 'a', 'b', 'same'));
  writeFileSync(join(directory, 'two'), 'x'.repeat(23));
  symlinkSync('/usr', join(directory, 'usr'));
  assert.equal(await treeSize(directory), 1023 + '/usr'.length);
  assert.equal(await treeSize(join(directory, 'nosuch')), 0);
});
