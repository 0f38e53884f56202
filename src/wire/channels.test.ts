/** Channels over one connection: each has its own pace, its own end and its own failure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../errors/engine-error.ts';
import { PairedStream } from '../util/duplex-pair.ts';
import { type Channel, Channels } from './channels.ts';

interface Opened {
  heading: unknown;
  channel: Channel;
}

function pair(): {
  client: Channels;
  server: Channels;
  opened: Opened[];
  over: Promise<unknown>;
  cut: () => void;
} {
  const [left, right] = PairedStream.pair();
  const opened: Opened[] = [];
  const make = (stream: typeof left, isServer: boolean): Channels =>
    new Channels(
      {
        source: stream,
        write: (data) => new Promise<void>((resolve) => void stream.write(data, () => resolve())),
        close: () => void stream.destroy(),
      },
      { isServer, onOpen: (heading, channel) => void opened.push({ heading, channel }) },
    );
  const [client, server] = [make(left, false), make(right, true)];
  const over = Promise.allSettled([client.run(), server.run()]);
  return { client, server, opened, over, cut: () => left.destroy() };
}

async function until(test: () => boolean): Promise<void> {
  const deadline = Date.now() + 2000;
  while (!test() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(test());
}

async function textOf(channel: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of channel) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('both sides open channels, which end by themselves', async () => {
  const { client, server, opened, over, cut } = pair();
  const ours = client.open({ open: 'build' });
  ours.end('question');
  await until(() => opened.length === 1);
  const theirs = opened[0]?.channel;
  assert.ok(theirs !== undefined);
  assert.deepEqual(opened[0]?.heading, { open: 'build' });
  assert.equal(await textOf(theirs), 'question');
  theirs.end('answer');
  assert.equal(await textOf(ours), 'answer');
  const back = server.open({ open: 'secret', id: 'x' });
  back.end();
  await until(() => opened.length === 2);
  opened[1]?.channel.end('hush');
  assert.equal(await textOf(back), 'hush');
  cut();
  await over;
});

test('a channel that nobody reads holds up no other, and no more than its window is sent', async () => {
  const { client, opened, over, cut } = pair();
  const slow = client.open('slow');
  let sent = 0;
  const chunk = Buffer.alloc(256 * 1024);
  for (let count = 0; count < 32; count += 1) {
    slow.write(chunk, () => {
      sent += chunk.length;
    });
  }
  const quick = client.open('quick');
  quick.end('here');
  await until(() => opened.length === 2);
  const [first, second] = opened;
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(await textOf(second.channel), 'here');
  assert.ok(sent < 4 * 1024 * 1024, `${sent} bytes were sent to a reader that does not read`);
  slow.end();
  assert.equal((await textOf(first.channel)).length, 8 * 1024 * 1024);
  cut();
  await over;
});

test('an error reaches the other side as what it was', async () => {
  const { client, opened, over, cut } = pair();
  const ours = client.open('x');
  await until(() => opened.length === 1);
  opened[0]?.channel.destroy(
    new EngineError('not-found', 'no such file', { hint: 'look elsewhere', details: { path: '/a' } }),
  );
  await assert.rejects(textOf(ours), {
    code: 'not-found',
    message: 'no such file',
    hint: 'look elsewhere',
    details: { path: '/a' },
  });
  cut();
  await over;
});

test('what is open fails when the connection ends', async () => {
  const { client, over, cut } = pair();
  const ours = client.open('x');
  const reading = assert.rejects(textOf(ours), { code: 'unavailable' });
  cut();
  await over;
  await reading;
});

test('what is no frame is refused', async () => {
  const source = (async function* () {
    yield Buffer.from('GET / HTTP/1.1\r\n\r\n');
  })();
  const channels = new Channels(
    { source, write: async () => undefined, close: () => undefined },
    { isServer: true, onOpen: () => undefined },
  );
  await assert.rejects(channels.run(), { code: 'data-loss' });
});
