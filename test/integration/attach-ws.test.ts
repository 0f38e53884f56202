/** Attach over a WebSocket, by the WebSocket library's own client. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

class Client {
  readonly #socket: WebSocket;
  readonly closed: Promise<unknown>;
  text = '';
  binary: boolean[] = [];

  constructor(path: string, version = 'v1.51') {
    this.#socket = new WebSocket(`ws+unix://${daemon.socket}:/${version}${path}`);
    this.closed = once(this.#socket, 'close', { signal: AbortSignal.timeout(15_000) });
    this.#socket.on('message', (data, isBinary) => {
      this.text += String(data);
      this.binary.push(isBinary);
    });
  }

  async open(): Promise<this> {
    await once(this.#socket, 'open', { signal: AbortSignal.timeout(10_000) });
    return this;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }

  async until(pattern: RegExp): Promise<void> {
    for (let waited = 0; waited < 10_000; waited += 10) {
      if (pattern.test(this.text)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.fail(`${pattern} never came; got ${JSON.stringify(this.text)}`);
  }
}

test('input goes in, output comes out, and the socket closes when the process ends', async () => {
  await daemon.ok([
    'run',
    '-di',
    '--name',
    'cat',
    'busybox',
    'sh',
    '-c',
    'read a; echo "got $a"; read b; echo "err $b" >&2',
  ]);
  const client = await new Client('/containers/cat/attach/ws?stream=1&stdin=1&stdout=1&stderr=1').open();
  client.send('one\n');
  await client.until(/got one\n/);
  client.send('two\n');
  await client.until(/err two\n/);
  await client.closed;
  assert.ok(client.binary.every(Boolean));
  assert.equal(await daemon.ok(['wait', 'cat']), '0');
});

test('only the streams that were asked for, with what was written before', async () => {
  const command = 'echo first; echo hidden >&2; sleep 1; echo second; sleep 100';
  await daemon.ok(['run', '-d', '--name', 'talks', 'busybox', 'sh', '-c', command]);
  const client = await new Client('/containers/talks/attach/ws?stream=1&logs=1&stdout=1').open();
  await client.until(/^first\nsecond\n$/);
  client.close();
  await client.closed;
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Running}}', 'talks']), 'true');
});

test('before the start, and by detach keys', async () => {
  await daemon.ok(['create', '-it', '--name', 'shell', 'busybox', 'sh']);
  const client = await new Client(
    '/containers/shell/attach/ws?stream=1&stdin=1&stdout=1&detachKeys=ctrl-x',
  ).open();
  await daemon.ok(['start', 'shell']);
  client.send('echo $((40+2))\n');
  await client.until(/\r\n42\r\n/);
  client.send('\x18');
  await client.closed;
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Running}}', 'shell']), 'true');
});

test('clients from before 1.42 get all streams, from before 1.28 as text', async () => {
  await daemon.ok(['create', '--name', 'old', 'busybox', 'sh', '-c', 'echo out; echo err >&2']);
  const client = await new Client('/containers/old/attach/ws?stream=1', 'v1.24').open();
  await daemon.ok(['start', 'old']);
  await client.closed;
  assert.deepEqual(client.text.split('\n').sort(), ['', 'err', 'out']);
  assert.ok(client.binary.length > 0 && client.binary.every((one) => !one));
});

function statusOf(path: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: daemon.socket, path, headers, timeout: 10_000 }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += String(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve({ status: 101, body: '' });
    });
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer')));
    asked.end();
  });
}

test('what is wrong has a status', async () => {
  await daemon.ok(['run', '-d', '--name', 'still', 'busybox', 'sleep', '1000']);
  await daemon.ok(['pause', 'still']);
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const unknown = await statusOf('/v1.51/containers/nope/attach/ws?stream=1', upgrade);
  assert.equal(unknown.status, 404);
  assert.match(unknown.body, /No such container: nope/);
  assert.equal((await statusOf('/v1.51/containers/still/attach/ws?stream=1', upgrade)).status, 409);
  await daemon.ok(['unpause', 'still']);
  assert.equal((await statusOf('/v1.51/containers/still/attach/ws?stream=1', {})).status, 400);
  const { 'Sec-WebSocket-Key': _key, ...keyless } = upgrade;
  assert.equal((await statusOf('/v1.51/containers/still/attach/ws?stream=1', keyless)).status, 400);
  const keys = await statusOf('/v1.51/containers/still/attach/ws?stream=1&detachKeys=nonsense', upgrade);
  assert.equal(keys.status, 400);
});
