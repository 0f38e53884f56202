import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encode } from 'dns-packet';
import { HostResolvers } from './host-resolvers.ts';
import { NameForwarder } from './name-forwarder.ts';
import { encodeReply, parseQuery, rcode, withId } from './name-message.ts';

const query = encode({ type: 'query', id: 4711, questions: [{ type: 'A', name: 'far' }] });
const port = 20_053;
const quick = new NameForwarder({ nextMs: 60, giveUpMs: 400 }, port);

/** A server on an address of loopback; it answers with `code`, or says what `reply` gives, or nothing. */
async function server(
  context: TestContext,
  address: string,
  reply: (message: Buffer) => Buffer | undefined,
): Promise<{ count: number }> {
  const socket: Socket = createSocket('udp4');
  const seen = { count: 0 };
  socket.on('message', (message, peer) => {
    seen.count += 1;
    const answer = reply(message);
    if (answer !== undefined) socket.send(answer, peer.port, peer.address);
  });
  socket.bind({ address, port });
  await once(socket, 'listening');
  context.after(() => socket.close());
  return seen;
}

function answering(code: number, addresses: string[] = []): (message: Buffer) => Buffer | undefined {
  return (message) => {
    const parsed = parseQuery(message);
    return parsed === undefined ? undefined : encodeReply(parsed, { code, addresses }, 512);
  };
}

test('the first server that answers is enough, and the answer has the question’s own number', async (context) => {
  await server(context, '127.53.0.1', answering(rcode.ok, ['192.0.2.1']));
  const second = await server(context, '127.53.0.2', answering(rcode.ok));
  const answer = await quick.forward(query, ['127.53.0.1', '127.53.0.2'], 'udp');
  assert.equal(answer?.readUInt16BE(0), 4711);
  assert.equal(second.count, 0);
});

test('where one is silent, absent or fails, the next is asked', async (context) => {
  await server(context, '127.53.0.1', () => undefined);
  await server(context, '127.53.0.2', answering(rcode.serverFailure));
  await server(context, '127.53.0.4', answering(rcode.noSuchName));
  const started = performance.now();
  const answer = await quick.forward(query, ['127.53.0.1', '127.53.0.2', '127.53.0.3', '127.53.0.4'], 'udp');
  assert.equal((answer?.readUInt8(3) ?? 0) & 15, rcode.noSuchName);
  assert.ok(performance.now() - started < 350);
});

test('forged answers are passed over', async (context) => {
  const right = answering(rcode.ok, ['192.0.2.1']);
  await server(context, '127.53.0.1', (message) =>
    withId(right(message) ?? message, message.readUInt16BE(0) ^ 1),
  );
  assert.equal(await quick.forward(query, ['127.53.0.1'], 'udp'), undefined);
});

test('without a server, or with none that answers, there is no answer, in time', async () => {
  assert.equal(await quick.forward(query, [], 'udp'), undefined);
  const started = performance.now();
  assert.equal(await quick.forward(query, ['127.53.0.9'], 'tcp'), undefined);
  assert.ok(performance.now() - started < 600);
});

test('the host’s servers are those of its file; behind systemd’s stub, its real ones too', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'resolvers-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const files = { own: join(directory, 'own'), behindStub: join(directory, 'real') };
  writeFileSync(files.behindStub, 'nameserver 192.0.2.9\n');
  writeFileSync(files.own, 'nameserver 192.0.2.1\nnameserver 192.0.2.2\n');
  assert.deepEqual(await new HostResolvers(files).servers(), ['192.0.2.1', '192.0.2.2']);
  writeFileSync(files.own, 'nameserver 127.0.0.53\n');
  assert.deepEqual(await new HostResolvers(files).servers(), ['127.0.0.53', '192.0.2.9']);
  assert.deepEqual(await new HostResolvers({ own: '/nonexistent', behindStub: '' }).servers(), []);
});
