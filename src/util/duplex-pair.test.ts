/** A pair of streams that behaves as a pair of sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { test } from 'node:test';
import { PairedStream } from './duplex-pair.ts';

async function textOf(stream: PairedStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

test('each direction ends by itself', async () => {
  const [one, other] = PairedStream.pair();
  one.end('question');
  assert.equal(await textOf(other), 'question');
  assert.equal(one.destroyed, false);
  other.end('answer');
  assert.equal(await textOf(one), 'answer');
});

test('a writer waits for its reader', async () => {
  const [one, other] = PairedStream.pair();
  let written = 0;
  while (one.write(Buffer.alloc(65_536)) && written < 100) written += 1;
  assert.ok(written < 100, 'nothing held the writer back');
  let drained = false;
  one.once('drain', () => {
    drained = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(drained, false);
  other.resume();
  await once(one, 'drain');
  one.destroy();
});

test('destroying one end ends the other, after what it was sent', async () => {
  const [one, other] = PairedStream.pair();
  one.write('last words');
  one.destroy();
  assert.equal(await textOf(other), 'last words');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(other.destroyed, true);
});

test('a writer that waits is let go when its reader is destroyed, and the next write fails', async () => {
  const [one, other] = PairedStream.pair();
  one.on('error', () => undefined);
  const closed = once(one, 'close');
  while (one.write(Buffer.alloc(65_536)));
  one.resume();
  other.destroy();
  await closed;
  assert.equal(one.destroyed, true);
});

test('the pieces written are copies', async () => {
  const [one, other] = PairedStream.pair();
  const chunk = Buffer.from('before');
  one.write(chunk);
  chunk.write('AFTER!');
  one.end();
  assert.equal(await textOf(other), 'before');
});

test('destroySoon lets the reader have everything', async () => {
  const [one, other] = PairedStream.pair();
  one.write(Buffer.alloc(300_000, 'x'));
  one.destroySoon();
  assert.equal((await textOf(other)).length, 300_000);
});

test("Node's HTTP server and client talk over it", async () => {
  const server = createServer((incoming, response) => {
    incoming.setEncoding('utf8').on('data', (text: string) => response.write(text.toUpperCase()));
    incoming.on('end', () => response.end('!'));
  });
  const outgoing = request({
    method: 'POST',
    createConnection: () => {
      const [near, far] = PairedStream.pair();
      server.emit('connection', far);
      return near;
    },
  });
  outgoing.end('quiet');
  const [response]: unknown[] = await once(outgoing, 'response');
  assert.ok(typeof response === 'object' && response !== null && Symbol.asyncIterator in response);
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  assert.equal(text, 'QUIET!');
});
