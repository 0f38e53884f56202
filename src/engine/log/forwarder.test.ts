/** The forwarder against receivers that fail in all ways. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Forwarder } from './forwarder.ts';
import { positionPath } from './position.ts';
import { type LogSink, patientDriver, type RemoteDriver } from './remote/sink.ts';

function lines(...numbers: number[]): string {
  return numbers
    .map((number) => `{"log":"${number}\\n","stream":"stdout","time":"2026-01-31T12:00:00.5Z"}\n`)
    .join('');
}

interface Bench {
  path: string;
  over: boolean;
  warnings: string[];
  /** What arrived, over all connections. */
  arrived: string[];
  opened: number;
  /** Runs before each lot is taken. */
  before: (lot: string[]) => Promise<void> | void;
  lose: () => void;
  start(changes?: Partial<RemoteDriver>, doubtMs?: number): Forwarder;
}

function bench(context: TestContext): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'forward-'));
  const made: Bench = {
    path: join(directory, 'x.log'),
    over: false,
    warnings: [],
    arrived: [],
    opened: 0,
    before: () => {},
    lose: () => {},
    start: (changes = {}, doubtMs = 0) => {
      const open = (): Promise<LogSink> => Promise.resolve(sinkOf(made, doubtMs));
      const driver: RemoteDriver = { ...patientDriver, description: 'a test', retryMs: 10, open, ...changes };
      const forwarder = new Forwarder({
        path: made.path,
        driver,
        isOver: () => made.over,
        warn: (message) => made.warnings.push(message),
      });
      context.after(() => forwarder.stop());
      return forwarder;
    },
  };
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return made;
}

function sinkOf(owner: Bench, doubtMs: number): LogSink {
  const lost = new AbortController();
  owner.opened += 1;
  owner.lose = () => lost.abort(new Error('connection lost'));
  return {
    lost: lost.signal,
    doubtMs,
    send: async (messages) => {
      const lot = messages.map(({ text }) => text.toString());
      await owner.before(lot);
      owner.arrived.push(...lot);
    },
    close: () => {},
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (const limit = Date.now() + 5000; !condition(); await sleep(5))
    assert.ok(Date.now() < limit, 'too late');
}

test('sends what is there and what comes, ends with the container, and goes on from there', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1, 2));
  const first = made.start();
  await until(() => made.arrived.length === 2);
  appendFileSync(made.path, lines(3));
  await until(() => made.arrived.length === 3);
  made.over = true;
  first.wake();
  await first.finished;
  appendFileSync(made.path, lines(4));
  await made.start().finished;
  assert.deepEqual(made.arrived, ['1', '2', '3', '4']);
  assert.equal(made.opened, 2);
  assert.deepEqual(made.warnings, []);
});

test('nothing to send opens no connection', async (context) => {
  const made = bench(context);
  made.over = true;
  await made.start().finished;
  assert.equal(made.opened, 0);
  assert.ok(!existsSync(positionPath(made.path)));
});

test('a failure is told once, and all is sent again until it works', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1, 2));
  let failures = 3;
  made.before = () => {
    failures -= 1;
    if (failures >= 0) throw new Error('not now');
  };
  made.over = true;
  await made.start().finished;
  assert.deepEqual(made.arrived, ['1', '2']);
  assert.equal(made.warnings.length, 1);
  assert.match(made.warnings[0] ?? '', /cannot send a container's log to a test: not now/);
});

test('what a lost connection leaves in doubt is sent again', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1));
  const forwarder = made.start({}, 60_000);
  await until(() => made.arrived.length === 1);
  made.lose();
  await until(() => made.arrived.length === 2);
  assert.deepEqual(made.arrived, ['1', '1']);
  assert.ok(!existsSync(positionPath(made.path)));
  await forwarder.stop();
});

test('a connection that is lost while nothing is on its way is no trouble', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1));
  made.start({}, 20);
  await until(() => existsSync(positionPath(made.path)));
  made.lose();
  await sleep(50);
  appendFileSync(made.path, lines(2));
  await until(() => made.arrived.length === 2);
  assert.deepEqual([made.arrived, made.warnings], [['1', '2'], []]);
});

test('what is given up after so many attempts is told, and the rest goes on', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1));
  made.before = (lot) => {
    if (lot.includes('1')) throw new Error('never');
  };
  made.start({ maxRetries: 2 });
  await until(() => made.warnings.some((text) => text.includes('given up')));
  appendFileSync(made.path, lines(2));
  await until(() => made.arrived.length === 1);
  assert.deepEqual(made.arrived, ['2']);
});

test('a receiver that takes nothing keeps nobody from stopping', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1));
  let asked = false;
  made.before = () => {
    asked = true;
    return new Promise<void>(() => {});
  };
  const forwarder = made.start();
  await until(() => asked);
  const began = Date.now();
  await forwarder.stop();
  assert.ok(Date.now() - began < 2000);
  assert.deepEqual(made.arrived, []);
});

test('lines that were rotated away are told', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1));
  made.over = true;
  await made.start().finished;
  renameSync(made.path, `${made.path}.1`);
  writeFileSync(made.path, lines(2));
  await made.start().finished;
  assert.deepEqual(made.warnings, []);
  writeFileSync(`${made.path}.new`, lines(9));
  renameSync(`${made.path}.new`, made.path);
  rmSync(`${made.path}.1`);
  await made.start().finished;
  assert.deepEqual(made.arrived, ['1', '2', '9']);
  assert.match(made.warnings[0] ?? '', /rotated away before a test took them/);
});

test('a position that nobody can read means all is sent again', async (context) => {
  const made = bench(context);
  writeFileSync(made.path, lines(1));
  writeFileSync(positionPath(made.path), '{"identity":7');
  made.over = true;
  await made.start().finished;
  assert.deepEqual(made.arrived, ['1']);
  assert.match(readFileSync(positionPath(made.path), 'utf8'), /^\{"identity":"\d+:\d+","offset":\d+\}$/);
});
