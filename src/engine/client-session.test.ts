/** Sessions of attached clients. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { Attachment, ProcessStream } from '../runtime/runtime-types.ts';
import { AsyncQueue } from '../util/async-queue.ts';
import { Deferred } from '../util/deferred.ts';
import { ClientSession } from './client-session.ts';

interface Fake {
  attachment: Attachment;
  output: AsyncQueue<{ stream: ProcessStream; data: Buffer }>;
  received: Buffer[];
  detached: () => boolean;
}

/** A process as the runtime hands it out: a queue out, a pipe in. */
function fakeProcess(): Fake {
  const output = new AsyncQueue<{ stream: ProcessStream; data: Buffer }>();
  const input = new PassThrough();
  const received: Buffer[] = [];
  input.on('data', (data: Buffer) => received.push(data));
  let gone = false;
  const detach = (): void => {
    gone = true;
    output.close();
  };
  return { attachment: { output, input, detach }, output, received, detached: () => gone };
}

function newSession(
  tty: boolean,
  extra: { settled?: Promise<void>; onDetach?: () => void } = {},
): ClientSession {
  return new ClientSession({
    tty,
    streams: { stdin: true, stdout: true, stderr: true },
    detachKeys: [16, 17],
    onDetach: extra.onDetach ?? (() => undefined),
    ...(extra.settled === undefined ? {} : { settled: extra.settled }),
  });
}

async function textOf(session: ClientSession): Promise<string> {
  let text = '';
  for await (const { data } of session.output) text += data.toString();
  return text;
}

test('what is typed before the start reaches the process, and what it says reaches the client', async () => {
  const session = newSession(false);
  const process = fakeProcess();
  session.input?.write('early ');
  const text = textOf(session);
  session.connect(process.attachment);
  const inputEnded = new Promise((resolve) => process.attachment.input?.once('finish', resolve));
  session.input?.end('late');
  await inputEnded;
  process.output.push({ stream: 'stdout', data: Buffer.from('hello') });
  process.output.close();
  assert.equal(await text, 'hello');
  assert.equal(Buffer.concat(process.received).toString(), 'early late');
});

test('detach keys leave the process alone and end the output', async () => {
  let detached = false;
  const session = newSession(true, { onDetach: () => (detached = true) });
  const process = fakeProcess();
  session.connect(process.attachment);
  const text = textOf(session);
  session.input?.write('\x10\x11');
  assert.equal(await text, '');
  assert.deepEqual([detached, process.detached(), session.closed], [true, true, true]);
  assert.equal(process.attachment.input?.writableEnded, false);
});

test('a session whose process never comes ends', async () => {
  const session = newSession(false);
  const text = textOf(session);
  session.cancel();
  assert.equal(await text, '');
  const closed = newSession(false);
  closed.close();
  assert.equal(await textOf(closed), '');
});

test('the output ends only when the exit is recorded', async () => {
  const settled = new Deferred<void>();
  const session = newSession(false, { settled: settled.promise });
  const process = fakeProcess();
  session.connect(process.attachment);
  let ended = false;
  const text = textOf(session).then(() => (ended = true));
  process.output.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, false);
  settled.resolve();
  await text;
  assert.equal(ended, true);
});

test('a client that closes before the start is let go when it connects', () => {
  const session = newSession(false);
  session.close();
  const process = fakeProcess();
  session.connect(process.attachment);
  assert.equal(process.detached(), true);
});
