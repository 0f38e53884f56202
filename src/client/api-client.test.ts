/** The client against small real servers: lengths, chunks, streams both ways, upgrades with half-close, versions, errors. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSocketServer, type Server as SocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { encodeFrame } from '../wire/raw-stream.ts';
import { ApiClient } from './api-client.ts';
import { parseEndpoint } from './endpoint.ts';

const closers: Array<() => void> = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function listen(server: Server | SocketServer): Promise<ApiClient> {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-client-'));
  const path = join(folder, 's.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  closers.push(
    () => rmSync(folder, { recursive: true, force: true }),
    () => {
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
    },
  );
  return new ApiClient(parseEndpoint(`unix://${path}`));
}

function serve(handler: RequestListener): Promise<ApiClient> {
  return listen(createServer(handler));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

test('JSON goes out and comes in, with the version, the query and the length', async () => {
  const client = await serve(async (request, response) => {
    const { method, url, headers } = request;
    response.end(
      JSON.stringify({ method, url, length: headers['content-length'], body: await bodyOf(request) }),
    );
  });
  const query = { name: 'ä b', all: true, size: false, limit: 0, tag: '', names: ['a', 'b'] };
  const answer = await client.call('POST', '/containers/create', { query, json: { Image: 'ü' } });
  assert.deepEqual(answer, {
    method: 'POST',
    url: '/v1.51/containers/create?name=%C3%A4%20b&all=1&limit=0&names=a&names=b',
    length: String(Buffer.byteLength('{"Image":"ü"}')),
    body: '{"Image":"ü"}',
  });
});

test('chunks, empty answers and answers up to the end of the connection', async () => {
  const client = await serve((request, response) => {
    if (request.url?.endsWith('/chunks') === true) {
      response.write('[1,');
      setTimeout(() => response.end('2]'), 5);
    } else response.writeHead(204).end();
  });
  assert.deepEqual(await client.call('GET', '/chunks'), [1, 2]);
  assert.equal(await client.call('POST', '/nothing'), undefined);
  const raw = await listen(
    createSocketServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{"a":1}');
    }),
  );
  assert.deepEqual(await raw.call('GET', '/x'), { a: 1 });
});

test('documents and lines come as they are sent', async () => {
  const client = await serve((_, response) => {
    response.write('{"a":1}\r\n{"b"');
    setTimeout(() => response.end(':2}\n{"c":3}\n'), 5);
  });
  const documents: unknown[] = [];
  for await (const document of client.documents('GET', '/events')) documents.push(document);
  assert.deepEqual(documents, [{ a: 1 }, { b: 2 }, { c: 3 }]);
  const lines: string[] = [];
  for await (const line of client.lines('GET', '/events')) lines.push(line);
  assert.deepEqual(lines, ['{"a":1}', '{"b":2}', '{"c":3}']);
});

test('a large stream goes out in chunks', async () => {
  const client = await serve(async (request, response) => {
    let size = 0;
    for await (const chunk of request) size += Buffer.from(chunk).length;
    response.end(JSON.stringify({ size, encoding: request.headers['transfer-encoding'] }));
  });
  const pieces = Array.from({ length: 100 }, () => Buffer.alloc(65_536, 1));
  const answer = await client.call('POST', '/images/load', { stream: Readable.from(pieces) });
  assert.deepEqual(answer, { size: 6_553_600, encoding: 'chunked' });
});

test('an upgraded connection carries both directions, and each ends by itself', async () => {
  const server = createServer();
  server.on('upgrade', (_, socket, head) => {
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    socket.write(encodeFrame('stdout', Buffer.from('hello')));
    let size = head.length;
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
    });
    socket.on('end', () => socket.end(encodeFrame('stderr', Buffer.from(`got ${size}`))));
  });
  const client = await listen(server);
  const stream = await client.hijack('POST', '/containers/x/attach', { query: { stdin: true } });
  for (let index = 0; index < 50; index += 1) await stream.write(Buffer.alloc(65_536));
  stream.endInput();
  const frames: string[] = [];
  for await (const { stream: name, data } of stream.frames()) frames.push(`${name}: ${data.toString()}`);
  stream.close();
  assert.deepEqual(frames, ['stdout: hello', `stderr: got ${50 * 65_536}`]);
});

test('a raw stream is not cut into frames', async () => {
  const server = createServer();
  server.on('upgrade', (_, socket) => {
    socket.end(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw\r\n',
    );
  });
  const stream = await (await listen(server)).hijack('POST', '/exec/x/start', { json: {} });
  assert.equal(stream.framed, false);
  let text = '';
  for await (const { data } of stream.frames()) text += data.toString();
  stream.close();
  assert.equal(text, 'raw\r\n');
});

test('an older daemon is spoken to in its own version', async () => {
  const paths: string[] = [];
  const client = await serve((request, response) => {
    paths.push(request.url ?? '');
    if (request.url?.startsWith('/v1.51') === true) {
      const message = 'client version 1.51 is too new. Maximum supported API version is 1.41';
      response.writeHead(400).end(JSON.stringify({ message }));
    } else response.end('[]');
  });
  assert.deepEqual(await client.call('GET', '/images/json'), []);
  assert.deepEqual(await client.call('GET', '/images/json'), []);
  assert.deepEqual(paths, ['/v1.51/images/json', '/v1.41/images/json', '/v1.41/images/json']);
  assert.equal(client.version, '1.41');
});

test("the daemon's errors keep their words and their kind", async () => {
  const client = await serve((_, response) => {
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"message":"No such container: x"}');
  });
  await assert.rejects(
    client.call('GET', '/containers/x/json'),
    (error) =>
      isEngineError(error, 'not-found') &&
      error.message === 'Error response from daemon: No such container: x',
  );
});

test('no daemon, no HTTP, and a connection that breaks are told apart', async () => {
  const nowhere = new ApiClient(parseEndpoint('unix:///nowhere/gantry.sock'));
  await assert.rejects(
    nowhere.call('GET', '/info'),
    (error) =>
      isEngineError(error, 'unavailable') &&
      error.message ===
        'Cannot connect to the Gantry daemon at unix:///nowhere/gantry.sock. Is the daemon running?' &&
      error.hint?.includes('gantryd') === true,
  );
  const answering = (text: string) =>
    listen(
      createSocketServer((socket) => {
        socket.on('error', () => undefined);
        socket.end(text);
      }),
    );
  await assert.rejects((await answering('SSH-2.0-x\r\n\r\n')).call('GET', '/x'), {
    message: /malformed HTTP response/,
  });
  await assert.rejects((await answering('')).call('GET', '/x'), { message: /without an answer/ });
  const short = await answering('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc');
  await assert.rejects(short.call('GET', '/x'), (error) => isEngineError(error, 'data-loss'));
  const badChunk = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
  await assert.rejects(badChunk.call('GET', '/x'), { message: /malformed chunk size/ });
});

test('aborting ends a call that waits', async () => {
  const client = await serve(() => undefined);
  const abort = new AbortController();
  const call = client.call('GET', '/events', { signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')), 10);
  await assert.rejects(call, { message: 'enough' });
});

test('a fast sender waits for a slow reader', async () => {
  let sent = 0;
  const client = await serve((_, response) => {
    const send = (): void => {
      if (sent >= 50_000_000) {
        response.end();
        return;
      }
      sent += 65_536;
      if (response.write(Buffer.alloc(65_536))) send();
      else response.once('drain', send);
    };
    send();
  });
  const response = await client.open('GET', '/logs');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(sent < 20_000_000, `${sent} bytes were taken in without a reader`);
  let size = 0;
  for await (const chunk of response.body) size += chunk.length;
  assert.ok(size >= 50_000_000);
});

test('what can be sent only once goes in the version that an older daemon takes', async () => {
  const paths: string[] = [];
  const client = await serve(async (request, response) => {
    paths.push(`${request.method} ${request.url}`);
    await bodyOf(request);
    response.setHeader('Api-Version', '1.41').end();
  });
  await client.call('POST', '/images/load', { stream: Readable.from([Buffer.from('tar')]) });
  await client.call('HEAD', '/containers/x/archive');
  assert.deepEqual(paths, ['GET /_ping', 'POST /v1.41/images/load', 'HEAD /v1.41/containers/x/archive']);
});

test('a signal that outlives its calls keeps nothing of them, and ends those under way', async () => {
  const client = await serve((request, response) => {
    if (request.url?.endsWith('/events') === true) response.write('{"a":1}');
    else response.end('[]');
  });
  const abort = new AbortController();
  const { signal } = abort;
  for (let index = 0; index < 20; index += 1) await client.call('GET', '/images/json', { signal });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  const reading = (async () => {
    for await (const _ of client.documents('GET', '/events', { signal }));
  })();
  setTimeout(() => abort.abort(new Error('seen enough')), 20);
  await assert.rejects(reading, { message: 'seen enough' });
});

test('connecting ends with the signal', async () => {
  // An address that is set aside for documentation: nobody answers (RFC 5737).
  const client = new ApiClient(parseEndpoint('tcp://192.0.2.1:2375'));
  const began = performance.now();
  await assert.rejects(client.call('GET', '/info', { signal: AbortSignal.timeout(50) }));
  assert.ok(performance.now() - began < 5000);
});
