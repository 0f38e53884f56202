/** The client's nouns against a small real server: what goes out for each method, and what comes back of the streams. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { PairedStream } from '../util/duplex-pair.ts';
import { encodeFrame, multiplexedContentType, rawContentType } from '../wire/raw-stream.ts';
import { ApiClient } from './api-client.ts';
import { Client, createClient } from './client.ts';
import { drain } from './progress-stream.ts';

/** A client whose daemon is `handler`. */
function clientOf(handler: RequestListener): Client {
  const server = createServer(handler);
  const open = (): PairedStream => {
    const [near, far] = PairedStream.pair();
    server.emit('connection', far);
    return near;
  };
  return new Client(new ApiClient({ kind: 'memory', open, label: 'test' }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}

/** What `use` sends, as `METHOD PATH BODY`, and nothing else. */
async function sentBy(use: (client: Client) => Promise<unknown>): Promise<string[]> {
  const sent: string[] = [];
  const client = clientOf(async (request, response) => {
    const body = await bodyOf(request);
    const { method, url = '' } = request;
    if (url !== '/_ping') sent.push(`${method} ${decodeURIComponent(url)} ${body}`.trim());
    response.setHeader('Api-Version', '1.51').end('{}');
  });
  await use(client);
  return sent;
}

test('each option of a method has its place in the request', async () => {
  const cases: Array<[(client: Client) => Promise<unknown>, string]> = [
    [
      (client) =>
        client.containers.list({
          all: true,
          filters: { label: ['a=b', 'c'], status: 'running', x: undefined },
        }),
      'GET /v1.51/containers/json?all=1&filters={"label":{"a=b":true,"c":true},"status":{"running":true}}',
    ],
    [
      (client) =>
        client.containers.create({ Image: 'alpine', Cmd: 'true' }, { name: 'web', platform: 'linux/arm64' }),
      'POST /v1.51/containers/create?name=web&platform=linux/arm64 {"Image":"alpine","Cmd":"true"}',
    ],
    [
      (client) => client.containers.stop('web', { timeout: 0, stopSignal: 'INT' }),
      'POST /v1.51/containers/web/stop?t=0&signal=INT',
    ],
    [
      (client) => client.containers.kill('a/b?', { killSignal: 'HUP' }),
      'POST /v1.51/containers/a/b?/kill?signal=HUP',
    ],
    [
      (client) => client.containers.commit('web', { reference: 'app', changes: ['A', 'B'], pause: false }),
      'POST /v1.51/commit?container=web&changes=A&changes=B&repo=docker.io/library/app&tag=latest&pause=0 {}',
    ],
    [
      (client) => client.containers.archives.put('web', '/etc', Buffer.from('tar'), { copyUIDGID: true }),
      'PUT /v1.51/containers/web/archive?path=/etc&copyUIDGID=1 tar',
    ],
    [
      (client) => drain(client.images.pull('reg.example:5000/a/b@sha256:'.concat('0'.repeat(64)))),
      `POST /v1.51/images/create?fromImage=reg.example:5000/a/b&tag=sha256:${'0'.repeat(64)}`,
    ],
    [
      (client) => drain(client.images.push('a/b:1', { platform: 'linux/arm64' })),
      'POST /v1.51/images/docker.io/a/b/push?tag=1&platform={"architecture":"arm64","os":"linux"}',
    ],
    [
      (client) =>
        drain(client.images.build(Readable.from(['tar']), { tags: ['a', 'b'], buildArgs: { V: '1' } })),
      'POST /v1.51/build?t=a&t=b&buildargs={"V":"1"} tar',
    ],
    [
      (client) => client.networks.connect('net', 'web', { endpoint: { Aliases: ['w'] } }),
      'POST /v1.51/networks/net/connect {"Container":"web","EndpointConfig":{"Aliases":["w"]}}',
    ],
    [
      (client) => drain(client.system.events({ since: new Date(1500), filters: { type: 'image' } })),
      'GET /v1.51/events?since=1.500&filters={"type":{"image":true}}',
    ],
  ];
  for (const [use, expected] of cases) assert.deepEqual(await sentBy(use), [expected]);
});

test('starting what runs, and stopping what does not, is no failure', async () => {
  const client = clientOf((request, response) => {
    response.writeHead(request.url?.includes('idle') === true ? 304 : 204).end();
  });
  assert.deepEqual(
    [
      await client.containers.start('idle'),
      await client.containers.stop('idle'),
      await client.containers.stop('busy'),
    ],
    [false, false, true],
  );
});

test('errors carry the status, the code and the words of the daemon', async () => {
  const client = clientOf((_, response) => {
    response.writeHead(409).end('{"message":"the name is taken"}');
  });
  await assert.rejects(client.containers.create({ Image: 'x' }), (error) => {
    assert.ok(isEngineError(error));
    assert.deepEqual(
      [error.status, error.code, error.message],
      [409, 'conflict', 'Error response from daemon: the name is taken'],
    );
    return true;
  });
});

test('what fails in the middle of a pull is thrown', async () => {
  const client = clientOf((_, response) => {
    response.write('{"status":"Pulling"}\r\n');
    response.end('{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}\r\n');
  });
  const seen: unknown[] = [];
  const pull = async (): Promise<void> => {
    for await (const { status } of client.images.pull('alpine')) seen.push(status);
  };
  await assert.rejects(pull(), { code: 'internal', message: 'manifest unknown' });
  assert.deepEqual(seen, ['Pulling']);
});

test('logs of every version are told apart: frames, a terminal, and what older daemons do not say', async () => {
  const frames = Buffer.concat([
    encodeFrame('stdout', Buffer.from('out\n')),
    encodeFrame('stderr', Buffer.from('err\n')),
  ]);
  const read = async (api: string, contentType: string, tty: boolean, body: Buffer): Promise<string> => {
    const client = clientOf((request, response) => {
      if (request.url?.startsWith(`/v${api}/`) !== true) {
        const message = `client version 1.51 is too new. Maximum supported API version is ${api}`;
        response.writeHead(400).end(JSON.stringify({ message }));
      } else if (request.url.endsWith('/json')) response.end(JSON.stringify({ Config: { Tty: tty } }));
      else response.setHeader('Content-Type', contentType).end(body);
    });
    let text = '';
    for await (const { stream, data } of client.containers.logs('x')) text += `${stream}:${data.toString()}`;
    return text;
  };
  const split = 'stdout:out\nstderr:err\n';
  assert.equal(await read('1.51', multiplexedContentType, false, frames), split);
  assert.equal(await read('1.51', rawContentType, true, Buffer.from('tty\r\n')), 'stdout:tty\r\n');
  assert.equal(await read('1.41', rawContentType, false, frames), split);
  assert.equal(await read('1.41', rawContentType, true, Buffer.from('tty\r\n')), 'stdout:tty\r\n');
});

test('an error of the daemon within logs is thrown', async () => {
  const client = clientOf((_, response) => {
    response.setHeader('Content-Type', multiplexedContentType);
    response.end(encodeFrame('systemerr', Buffer.from('the log is gone')));
  });
  await assert.rejects(drain(client.containers.logs('x')), { message: /the log is gone/ });
});

test('a source that fails ends the upload with its own error', async () => {
  const client = clientOf((request, response) => {
    request.resume();
    if (request.url === '/_ping') response.end('OK');
  });
  async function* failing(): AsyncGenerator<Buffer> {
    yield Buffer.from('some');
    throw new Error('the disk is gone');
  }
  await assert.rejects(client.containers.archives.put('web', '/', failing()), {
    message: 'the disk is gone',
  });
});

test('whoever stops reading lets the connection go', async () => {
  let closed = false;
  const client = clientOf((_, response) => {
    response.on('close', () => {
      closed = true;
    });
    response.write('{"Type":"container"}\n');
  });
  for await (const event of client.system.events()) {
    assert.equal(event.Type, 'container');
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(closed, true);
});

test('the environment names the daemon, and what the program says counts more', () => {
  const env = {
    DOCKER_HOST: 'tcp://there:2376',
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: '/certs',
    DOCKER_API_VERSION: '1.44',
  };
  const client = createClient({ env });
  assert.deepEqual([client.host, client.version], ['tcp://there:2376', '1.44']);
  assert.deepEqual(client.api.endpoint, {
    kind: 'tcp',
    host: 'there',
    port: 2376,
    label: 'tcp://there:2376',
    tls: { verify: true, ca: '/certs/ca.pem' },
  });
  assert.equal(createClient({ env: { ...env, GANTRY_HOST: 'unix:///g.sock' } }).host, 'unix:///g.sock');
  const own = createClient({ env, host: 'tcp://here:1', tls: false, version: '1.40' });
  assert.deepEqual(own.api.endpoint, { kind: 'tcp', host: 'here', port: 1, label: 'tcp://here:1' });
  assert.equal(own.version, '1.40');
  assert.throws(() => createClient({ env: {}, host: 'npipe:////./pipe/docker' }), {
    code: 'invalid-argument',
  });
});
