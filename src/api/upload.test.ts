import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { test } from 'node:test';
import { uploadOf } from './upload.ts';

test('a reader that gives up early still lets the client see the answer', async () => {
  const server = createServer((incoming, response) => {
    const body = uploadOf(incoming);
    body.once('data', () => {
      body.destroy(new Error('the disk is full'));
      response.writeHead(507).end('no space');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const outgoing = request({ port: address.port, method: 'POST' });
  const answered = once(outgoing, 'response');
  outgoing.end(Buffer.alloc(8 * 1024 * 1024));
  const [response] = await answered;
  assert.equal(response.statusCode, 507);
  response.resume();
  await once(response, 'end');
  server.close();
});

test('a client that goes away ends the body with an error', async () => {
  const failed = Promise.withResolvers<string>();
  const server = createServer((incoming) => {
    const body = uploadOf(incoming);
    body.on('error', (error) => failed.resolve(error.message));
    body.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const outgoing = request({ port: address.port, method: 'POST' });
  outgoing.on('error', () => {});
  outgoing.write(Buffer.alloc(1024));
  setTimeout(() => outgoing.destroy(), 50);
  assert.match(await failed.promise, /went away|aborted/);
  server.close();
});
