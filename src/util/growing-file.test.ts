/** A file that is read while it is written: no byte too early, none lost, and an end. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { GrowingFile, readGrowing } from './growing-file.ts';

let directory: string;
let file: GrowingFile;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-growing-'));
  file = new GrowingFile(join(directory, 'file'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function add(text: string): void {
  appendFileSync(file.path, text);
  file.grow(file.length + text.length);
}

async function textOf(growing: GrowingFile): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of readGrowing(growing)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('what comes is read as it comes, to the end', async () => {
  const reading = readGrowing(file);
  const first = reading.next();
  add('one ');
  assert.equal(String((await first).value), 'one ');
  const second = reading.next();
  add('two');
  assert.equal(String((await second).value), 'two');
  const last = reading.next();
  file.end('whole');
  assert.deepEqual(await last, { value: undefined, done: true });
  assert.equal(await textOf(file), 'one two');
});

test('bytes of the file that nobody said are there are not read', async () => {
  add('said');
  appendFileSync(file.path, ' not said');
  file.end('whole');
  assert.equal(await textOf(file), 'said');
});

test('one that breaks off is no shorter file, but an error; an empty one is empty', async () => {
  add('half');
  const reading = textOf(file);
  file.end('broken');
  await assert.rejects(reading, /broke off/);
  file.end('whole');
  assert.equal(file.state, 'broken');
  const empty = new GrowingFile(join(directory, 'never made'));
  empty.end('whole');
  assert.equal(await textOf(empty), '');
});

test('whoever waits for more than ever comes is woken by the end', async () => {
  add('abc');
  await file.reaches(3);
  const waiting = file.reaches(4);
  file.end('broken');
  await waiting;
  assert.equal(file.length, 3);
});
