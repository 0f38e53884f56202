/** The gzip helper: what it writes, what it refuses, and that nobody waits for it in vain. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { GzipHelper, type GzipStream } from './gzip-helper.ts';
import { startLauncher } from './launcher.ts';
import type { Launcher } from './launcher-types.ts';

const program = join(import.meta.dirname, '../../native/build/gantry-gzip');
const skip = existsSync(program) ? false : 'the helper is not built: ISA-L is missing';

let directory: string;
let launcher: Launcher;
let helper: GzipHelper;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-gzip-'));
  launcher = await startLauncher();
  helper = new GzipHelper({ launcher, program, directory: join(directory, 'fifos') });
  assert.equal(await helper.isUsable(), skip === false);
});

after(async () => {
  await launcher.close();
  rmSync(directory, { recursive: true });
});

function fileOf(data: Uint8Array): string {
  const path = join(directory, randomBytes(4).toString('hex'));
  writeFileSync(path, data);
  return path;
}

async function end(stream: GzipStream): Promise<string | undefined> {
  await stream.stop();
  await stream.close();
  assert.deepEqual(readdirSync(join(directory, 'fifos')), []);
  return stream.failure?.code;
}

async function readAll(stream: GzipStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.alloc(1 << 16);
    const { bytesRead } = await stream.output.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

const plain = Buffer.concat([randomBytes(1_500_000), Buffer.alloc(3_000_000, 'gantry ')]);

test('what zlib compressed is decompressed, also in several members and with bytes behind them', {
  skip,
}, async () => {
  const members = Buffer.concat([gzipSync(plain), gzipSync(Buffer.from('second')), Buffer.alloc(1024)]);
  const stream = await helper.start('decompress', fileOf(members));
  const found = await readAll(stream);
  assert.ok(found.equals(Buffer.concat([plain, Buffer.from('second')])));
  assert.equal(stream.failure, undefined);
  await end(stream);
});

test('what it compresses zlib can read, the same bytes each time', { skip }, async () => {
  const outputs: Buffer[] = [];
  for (const data of [plain, plain, Buffer.alloc(0)]) {
    const stream = await helper.start('compress', fileOf(data));
    const compressed = await readAll(stream);
    assert.ok(gunzipSync(compressed).equals(data));
    outputs.push(compressed);
    assert.equal(await end(stream), undefined);
  }
  assert.ok(outputs[0]?.equals(outputs[1] ?? Buffer.alloc(0)));
});

test('broken data is a data loss, known before the end is seen', { skip }, async () => {
  const good = gzipSync(plain);
  const flipped = Buffer.from(good);
  flipped.fill(0xff, good.length - 8, good.length - 4);
  const cases: Array<[Buffer, RegExp]> = [
    [good.subarray(0, good.length / 2), /unexpected end of file/],
    [flipped, /incorrect data check/],
    [Buffer.concat([good.subarray(0, 10), randomBytes(5000)]), /invalid compressed data|unexpected end/],
    [Buffer.alloc(0), /unexpected end of file/],
  ];
  for (const [data, message] of cases) {
    const stream = await helper.start('decompress', fileOf(data));
    await readAll(stream);
    assert.match(stream.failure?.message ?? '', message);
    assert.equal(await end(stream), 'data-loss');
  }
});

test('a file that is not there, a reader that stops early and a signal all end it', {
  skip,
  timeout: 10_000,
}, async () => {
  const absent = await helper.start('decompress', join(directory, 'absent'));
  assert.equal((await readAll(absent)).length, 0);
  assert.equal(await end(absent), 'unavailable');

  const unread = await helper.start('decompress', fileOf(gzipSync(Buffer.alloc(50_000_000))));
  assert.equal(await end(unread), 'cancelled');

  const controller = new AbortController();
  const aborted = await helper.start('compress', fileOf(randomBytes(20_000_000)), controller.signal);
  controller.abort();
  await readAll(aborted);
  assert.equal(await end(aborted), 'cancelled');
});

test('a helper that cannot be started is not usable', async () => {
  const missing = new GzipHelper({ launcher, program: join(directory, 'absent'), directory });
  assert.equal(await missing.isUsable(), false);
});

test('a file is decompressed while it is still being written', { skip }, async () => {
  const whole = gzipSync(plain);
  const path = fileOf(whole.subarray(0, 700_000));
  const stream = await helper.follow(path);
  stream.advance(700_000);
  const first = Buffer.alloc(400_000);
  for (let length = 0; length < first.length; )
    length += (await stream.output.read(first, length, first.length - length, null)).bytesRead;
  assert.ok(first.equals(plain.subarray(0, first.length)));
  appendFileSync(path, whole.subarray(700_000));
  stream.advance(whole.length);
  stream.complete();
  const rest = await readAll(stream);
  assert.ok(rest.equals(plain.subarray(first.length)));
  assert.equal(await end(stream), undefined);
});

test('one that is whole before the helper looks, and one that breaks off', { skip }, async () => {
  const whole = gzipSync(plain);
  for (const [length, code] of [
    [whole.length, undefined],
    [whole.length - 100_000, 'data-loss'],
  ] as const) {
    const stream = await helper.follow(fileOf(whole.subarray(0, length)));
    stream.complete();
    const found = await readAll(stream);
    assert.ok(found.equals(plain.subarray(0, found.length)));
    assert.equal(await end(stream), code);
  }
});

test('a reader that goes away in the middle leaves nothing', { skip }, async () => {
  const stream = await helper.follow(fileOf(gzipSync(plain)));
  stream.advance(500_000);
  await stream.output.read(Buffer.alloc(1000), 0, 1000, null);
  assert.equal(await end(stream), 'cancelled');
});
