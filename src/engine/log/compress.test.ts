/** Compressed log files: whole, labelled, put in their place, and read as if they were not compressed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { compressLog, replaceRotated } from './compress.ts';
import { closeLogFiles, openLogFiles, openSuccessor } from './files.ts';
import { readGzipLabel } from './gzip-label.ts';
import { readLog } from './reader.ts';

const line = (number: number): string =>
  `${JSON.stringify({ log: `line ${number}\n`, stream: 'stdout', time: `2026-01-31T12:00:${String(number % 60).padStart(2, '0')}Z` })}\n`;

function lines(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => line(from + index)).join('');
}

function rotatedLog(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'compress-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'x.log');
  writeFileSync(`${path}.2`, lines(1, 9000));
  writeFileSync(`${path}.1`, lines(9001, 9003));
  writeFileSync(path, lines(9004, 9005));
  return path;
}

function compressNumber(path: string, number: number): Promise<boolean> {
  const target = `${path}.compressing`;
  return compressLog(`${path}.${number}`, target, (inode) => replaceRotated(path, 5, inode, target));
}

async function numbers(path: string, tail?: number): Promise<number[]> {
  const options = { stdout: true, stderr: true, timestamps: false, prefix: '', headRoom: 0, tail };
  const texts: string[] = [];
  for await (const { data } of readLog(path, options, new AbortController().signal))
    texts.push(data.toString());
  return [...texts.join('').matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
}

test('what is compressed says what it was, and gzip reads it', async (context) => {
  const path = rotatedLog(context);
  const text = readFileSync(`${path}.2`);
  const files = await openLogFiles(path);
  const [before] = files;
  assert.equal(await compressNumber(path, 2), true);
  assert.ok(!existsSync(`${path}.2`) && !existsSync(`${path}.compressing`));
  const packed = readFileSync(`${path}.2.gz`);
  assert.ok(packed.length < text.length / 5);
  assert.deepEqual(gunzipSync(packed), text);
  assert.deepEqual(readGzipLabel(packed), { identity: before?.identity, size: text.length });
  assert.equal(spawnSync('gzip', ['-t', `${path}.2.gz`]).status, 0);
  await closeLogFiles(files);
});

test('it is read like the others, from both ends', async (context) => {
  const path = rotatedLog(context);
  await compressNumber(path, 2);
  await compressNumber(path, 1);
  const all = await numbers(path);
  assert.deepEqual([all.length, all[0], all.at(-1)], [9005, 1, 9005]);
  assert.deepEqual(await numbers(path, 7), [8999, 9000, 9001, 9002, 9003, 9004, 9005]);
  assert.deepEqual(await numbers(path, 1), [9005]);
  assert.ok(readdirSync(join(path, '..')).every((name) => !name.includes('expanded')));
});

test('one by another program is read too', async (context) => {
  const path = rotatedLog(context);
  writeFileSync(`${path}.2.gz`, gzipSync(readFileSync(`${path}.2`)));
  rmSync(`${path}.2`);
  assert.deepEqual((await numbers(path, 6)).slice(0, 2), [9000, 9001]);
});

test('who reads the file before finds the one after it, compressed or not', async (context) => {
  const path = rotatedLog(context);
  const files = await openLogFiles(path);
  await compressNumber(path, 2);
  await compressNumber(path, 1);
  const successor = await openSuccessor(path, files[0]?.identity);
  assert.equal(successor?.file.identity, files[1]?.identity);
  assert.equal(successor?.gap, false);
  const lost = await openSuccessor(path, 'gone');
  assert.deepEqual([lost?.file.identity, lost?.gap], [files[0]?.identity, true]);
  await closeLogFiles([...files, ...[successor?.file, lost?.file].filter((file) => file !== undefined)]);
});

test('a file that was rotated meanwhile is found, one that is gone is let be', async (context) => {
  const path = rotatedLog(context);
  const target = `${path}.compressing`;
  await compressLog(`${path}.1`, target, async (inode) => {
    renameSync(`${path}.2`, `${path}.3`);
    renameSync(`${path}.1`, `${path}.2`);
    await replaceRotated(path, 5, inode, target);
  });
  assert.ok(existsSync(`${path}.2.gz`) && !existsSync(`${path}.2`));
  await compressLog(`${path}.3`, target, async (inode) => {
    rmSync(`${path}.3`);
    await replaceRotated(path, 5, inode, target);
  });
  assert.ok(!existsSync(target) && !existsSync(`${path}.3.gz`));
  assert.equal(await compressNumber(path, 4), false);
});

test('a failure leaves the file as it was', async (context) => {
  const path = rotatedLog(context);
  const fail = (): Promise<void> => Promise.reject(new Error('no shim'));
  await assert.rejects(compressLog(`${path}.1`, `${path}.compressing`, fail), /no shim/);
  assert.ok(existsSync(`${path}.1`) && !existsSync(`${path}.compressing`));
});
