import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { directoryContext, dockerfileContext } from './directory-context.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-directory-'));
after(() => rmSync(root, { recursive: true }));
const { signal } = new AbortController();

test('a directory is a context as it is, and its links lead nowhere else', async () => {
  mkdirSync(join(root, 'c/sub'), { recursive: true });
  writeFileSync(join(root, 'outside'), 'no');
  writeFileSync(join(root, 'c/sub/Dockerfile'), 'FROM scratch\n');
  symlinkSync('/sub/Dockerfile', join(root, 'c/link'));
  symlinkSync('../outside', join(root, 'c/up'));
  const context = directoryContext(join(root, 'c'));
  const read = async (path: string): Promise<string | undefined> =>
    (await context.readFile(path, 20, signal))?.toString();
  assert.equal(await read('sub/Dockerfile'), 'FROM scratch\n');
  assert.equal(await read('link'), 'FROM scratch\n');
  for (const path of ['up', '../outside', 'sub', 'nope']) assert.equal(await read(path), undefined, path);
  await assert.rejects(context.readFile('link', 5, signal), (error) =>
    isEngineError(error, 'resource-exhausted'),
  );
  const tree = await context.sync({ ignore: [] }, signal);
  assert.equal(tree.root, join(root, 'c'));
  await tree.release();
  assert.ok(existsSync(tree.root));
  assert.throws(
    () => directoryContext(join(root, 'nope')),
    (error) => isEngineError(error, 'not-found'),
  );
});

test('a Dockerfile alone is a context of one file, which goes when it is released', async () => {
  const context = dockerfileContext('sub/Dockerfile', Buffer.from('FROM x'));
  assert.equal((await context.readFile('sub/Dockerfile', 100, signal))?.toString(), 'FROM x');
  assert.equal(await context.readFile('.dockerignore', 100, signal), undefined);
  const tree = await context.sync({ ignore: [] }, signal);
  assert.equal(readFileSync(join(tree.root, 'sub/Dockerfile'), 'utf8'), 'FROM x');
  await tree.release();
  assert.ok(!existsSync(tree.root));
});
