import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { acceptConnection, markHead } from './plain-hijack.ts';

const http = createServer((request, response) => response.end(`plain ${request.url}`));
http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
  socket.write(`HTTP/1.1 200 OK\r\n\r\n${request.headers['x-gantry-plain'] ?? 'upgrade'}:`);
  socket.write(head);
  socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end(':end'));
});
const front = createNetServer({ allowHalfOpen: true }, (socket) => acceptConnection(http, socket));
let port = 0;

before(
  () =>
    new Promise<void>((resolve) =>
      front.listen(0, '127.0.0.1', () => {
        port = (front.address() as AddressInfo).port;
        resolve();
      }),
    ),
);
after(() => front.close());

/** Sends the parts one by one, closes our half, and returns all that came back. */
async function talk(...parts: string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const received: Buffer[] = [];
  const ended = new Promise((resolve) => socket.on('end', resolve));
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  socket.end();
  await ended;
  return Buffer.concat(received).toString();
}

test('a plain attach turns into a raw stream, what follows its head included', async () => {
  const head = 'POST /v1.41/containers/abc/attach?stdin=1 HTTP/1.1\r\nHost: x\r\n\r\n';
  assert.match(await talk(`${head}one`, 'two'), /\r\n\r\n1:onetwo:end$/);
});

test('a head that comes in pieces', async () => {
  assert.match(
    await talk('PO', 'ST /containers/abc/att', 'ach HTTP/1.1\r\nHost: x', '\r\n\r\n', 'in'),
    /\r\n\r\n1:in:end$/,
  );
});

test('a client that asks for the upgrade is left alone', async () => {
  const head = 'POST /exec/abc/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';
  assert.match(await talk(head, 'in'), /\r\n\r\nupgrade:in:end$/);
});

test('other requests pass unchanged', async () => {
  assert.match(
    await talk('GET /containers/abc/attach HTTP/1.1\r\nHost: x\r\n\r\n'),
    /plain \/containers\/abc\/attach/,
  );
  assert.match(
    await talk('POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'),
    /plain \/containers\/create/,
  );
});

test('a chunked request keeps its framing', () => {
  const head = Buffer.from('POST /exec/a/start HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n');
  assert.equal(markHead(head), head);
});
