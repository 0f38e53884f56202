/** Bytes on their way: read while they come, never to the end before they are known to be right. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Spool } from './spool.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-spool-test-'));
after(() => rmSync(directory, { recursive: true }));

/** Collects what a reader gives. */
function watch(reader: Readable): { bytes: () => Buffer; ended: Promise<void> } {
  const pieces: Buffer[] = [];
  reader.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = new Promise<void>((resolve, reject) => reader.once('end', resolve).once('error', reject));
  return { bytes: () => Buffer.concat(pieces), ended };
}

test('early and late readers get all bytes, the last one only at the end', async () => {
  const spool = await Spool.open(directory);
  assert.deepEqual(readdirSync(directory), [], 'the file has no name');
  const data = randomBytes(700_000);
  let counted = 0;
  const onBytes = (count: number): void => {
    counted += count;
  };
  const early = watch(spool.reader(onBytes));
  await spool.append(data.subarray(0, 500_000));
  for (let waited = 0; early.bytes().length < 499_999 && waited < 2000; waited += 5) await sleep(5);
  await sleep(20);
  assert.equal(early.bytes().length, 499_999);
  await spool.append(data.subarray(500_000));
  const late = watch(spool.reader(() => undefined));
  spool.finish();
  await Promise.all([early.ended, late.ended]);
  assert.ok(early.bytes().equals(data));
  assert.ok(late.bytes().equals(data));
  assert.equal(counted, data.length);
});

test('a failure breaks readers before they have everything', async () => {
  const spool = await Spool.open(directory);
  await spool.append(Buffer.from('wrong'));
  const reader = watch(spool.reader(() => undefined));
  await sleep(20);
  spool.fail(new Error('other bytes'));
  await assert.rejects(reader.ended, /other bytes/);
  assert.equal(reader.bytes().toString(), 'wron');
});

test('a reader that leaves does not disturb the others', async () => {
  const spool = await Spool.open(directory);
  const leaving = spool.reader(() => undefined);
  const staying = watch(spool.reader(() => undefined));
  await spool.append(Buffer.from('some'));
  leaving.destroy();
  await sleep(20);
  await spool.append(Buffer.from(' bytes'));
  spool.finish();
  await staying.ended;
  assert.equal(staying.bytes().toString(), 'some bytes');
});

test('nothing is something, too', async () => {
  const spool = await Spool.open(directory);
  const reader = watch(spool.reader(() => undefined));
  spool.finish();
  await reader.ended;
  assert.equal(reader.bytes().length, 0);
});
