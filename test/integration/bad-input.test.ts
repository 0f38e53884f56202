/** Bad input: Docker's status code, a sentence that says how to mend it, and nothing half made. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

function post(path: string, body: string): Promise<{ status: number; message: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: daemon.socket,
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const answer: { message?: string } = JSON.parse(Buffer.concat(chunks).toString() || '{}');
          resolve({ status: response.statusCode ?? 0, message: answer.message ?? '' });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function create(config: object, query = ''): Promise<{ status: number; message: string }> {
  return post(`/containers/create${query}`, JSON.stringify({ Image: 'busybox', ...config }));
}

async function nothingWasMade(): Promise<void> {
  assert.equal(await daemon.ok(['ps', '-aq']), '');
}

test('malformed JSON is 400', async () => {
  for (const body of ['{', '[1', '{"Image": busybox}', '"text"', '']) {
    const answer = await post('/containers/create', body);
    assert.equal(answer.status, 400, body);
    assert.ok(answer.message.length > 10, answer.message);
  }
  await nothingWasMade();
});

test('a wrong type names the field', async () => {
  const answer = await create({ Cmd: 7, HostConfig: {} });
  assert.equal(answer.status, 400);
  assert.match(answer.message, /Cmd/);
  const memory = await create({ HostConfig: { Memory: 'lots' } });
  assert.equal(memory.status, 400);
  assert.match(memory.message, /Memory/);
  await nothingWasMade();
});

test('an unknown image is 404 in the words that the CLI waits for', async () => {
  const answer = await create({ Image: 'nowhere' });
  assert.equal(answer.status, 404);
  assert.match(answer.message, /^No such image: nowhere:latest/);
});

test('a name in use is 409 and names its owner', async () => {
  const id = await daemon.ok(['create', '--name', 'taken', 'busybox']);
  const answer = await create({}, '?name=taken');
  assert.equal(answer.status, 409);
  assert.match(
    answer.message,
    new RegExp(`The container name "/taken" is already in use by container "?${id}`),
  );
  assert.equal((await create({}, '?name=-bad')).status, 400);
  await daemon.ok(['rm', 'taken']);
});

test('a port in use is refused and nothing stays', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const busy = await daemon.docker(['run', '--rm', '-p', `127.0.0.1:${port}:80`, 'busybox', 'true']);
  server.close();
  assert.equal(busy.code, 125);
  assert.match(busy.stderr, /address already in use/);
  await daemon.ok(['run', '-d', '--name', 'first', '-p', '127.0.0.1:18123:80', 'busybox', 'sleep', '1000']);
  const second = await daemon.docker(['run', '--rm', '-p', '127.0.0.1:18123:80', 'busybox', 'true']);
  assert.match(second.stderr, /Bind for 127\.0\.0\.1:18123 failed: port is already allocated/);
  await daemon.removeAll();
  await nothingWasMade();
});

test('bad mounts are refused before anything is made', async () => {
  const mounts: Array<[object, RegExp]> = [
    [{ Binds: ['relative:/x:weird'] }, /invalid mode: weird/],
    [{ Binds: ['/a:relative'] }, /invalid (volume|mount)/],
    [
      { Mounts: [{ Type: 'bind', Source: '/no/such/path', Target: '/x' }] },
      /bind source path does not exist: \/no\/such\/path/,
    ],
    [{ Mounts: [{ Type: 'bind', Source: '/tmp', Target: '/' }] }, /destination can't be '\/'/],
    [{ Mounts: [{ Type: 'what', Target: '/x' }] }, /mount type unknown|invalid mount/],
    [{ Binds: ['/tmp:/x', '/tmp:/x'] }, /Duplicate mount point: \/x/],
  ];
  for (const [hostConfig, pattern] of mounts) {
    const answer = await create({ HostConfig: hostConfig });
    assert.equal(answer.status, 400, JSON.stringify(hostConfig));
    assert.match(answer.message, pattern);
  }
  await nothingWasMade();
});

test('limits outside their range are 400', async () => {
  const wrong: object[] = [
    { Memory: 1000 },
    { CpuShares: -1 },
    { NanoCpus: 1e15 },
    { CpusetCpus: '99' },
    { CapAdd: ['NOT_A_CAP'] },
  ];
  for (const hostConfig of wrong) {
    const answer = await create({ HostConfig: hostConfig });
    assert.ok(
      [400, 404].includes(answer.status),
      `${JSON.stringify(hostConfig)}: ${answer.status} ${answer.message}`,
    );
  }
  await nothingWasMade();
});

test('a network that is not there is named, without a pull of the image', async () => {
  const failed = await daemon.docker(['run', '--name', 'lost', '--network', 'nowhere', 'busybox', 'true']);
  assert.equal(failed.code, 125);
  assert.match(failed.stderr, /network nowhere not found/);
  assert.doesNotMatch(failed.stderr, /Unable to find image/);
  await daemon.ok(['rm', 'lost']);
});

test('unknown containers and forbidden states', async () => {
  assert.equal((await post('/containers/nobody/start', '')).status, 404);
  await daemon.ok(['create', '--name', 'idle', 'busybox', 'sleep', '1000']);
  assert.equal((await post('/containers/idle/kill', '')).status, 409);
  assert.equal((await post('/containers/idle/pause', '')).status, 409);
  assert.equal((await post('/containers/idle/stop', '')).status, 304);
  assert.equal((await post('/containers/idle/start', '')).status, 204);
  assert.equal((await post('/containers/idle/start', '')).status, 304);
  assert.equal((await post('/containers/idle/kill?signal=NOPE', '')).status, 400);
  const busy = await daemon.docker(['rm', 'idle']);
  assert.match(busy.stderr, /container is running: stop the container before removing or force remove/);
  await daemon.ok(['rm', '-f', 'idle']);
});

test('a client that is too new or too old is told so', async () => {
  const { status, message } = await post('/v1.99/containers/create', '{}');
  assert.equal(status, 400);
  assert.match(message, /client version 1\.99 is too new\. Maximum supported API version is 1\.51/);
  assert.equal((await post('/no/such/page', '{}')).status, 404);
});
