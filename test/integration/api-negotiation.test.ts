/** Versions, headers, unknown routes and what Gantry has not: the frame of the API. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callApi, RawConnection } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start({ busybox: false });
});
after(async () => {
  await daemon.close();
});

const get = (path: string) => callApi(daemon.socket, 'GET', path);

test('_ping, with the headers that clients negotiate by', async () => {
  for (const path of ['/_ping', '/v1.24/_ping', '/v1.51/_ping']) {
    const { status, headers, text } = await get(path);
    assert.deepEqual([status, text], [200, 'OK']);
    assert.equal(headers['api-version'], '1.51');
    assert.equal(headers['ostype'], 'linux');
    assert.equal(headers['docker-experimental'], 'false');
    assert.match(String(headers['server']), /^Gantry\/\d+\.\d+\.\d+ \(linux\)$/);
    assert.match(headers['cache-control'] ?? '', /no-store/);
    assert.equal(headers['builder-version'], '2');
  }
  const head = await callApi(daemon.socket, 'HEAD', '/_ping');
  assert.deepEqual([head.status, head.text, head.headers['api-version']], [200, '', '1.51']);
});

test('versions that are not served', async () => {
  const tooNew = await get('/v1.99/info');
  assert.equal(tooNew.status, 400);
  assert.equal(tooNew.json.message, 'client version 1.99 is too new. Maximum supported API version is 1.51');
  const tooOld = await get('/v1.10/info');
  assert.equal(tooOld.status, 400);
  assert.match(
    tooOld.json.message,
    /^client version 1\.10 is too old\. Minimum supported API version is 1\.24, please/,
  );
});

test('a route that is not there, and a method that is not', async () => {
  for (const answer of [
    await get('/nope'),
    await get('/v1.41/nope'),
    await callApi(daemon.socket, 'PUT', '/info'),
  ]) {
    assert.deepEqual([answer.status, answer.json], [404, { message: 'page not found' }]);
  }
});

test('version and info have the fields of Docker', async () => {
  const version = (await get('/version')).json;
  assert.deepEqual([version.ApiVersion, version.MinAPIVersion, version.Os], ['1.51', '1.24', 'linux']);
  assert.ok(version.Components.length > 0 && version.KernelVersion);
  const info = (await get('/v1.51/info')).json;
  assert.deepEqual([info.Swarm.LocalNodeState, info.OSType, info.Driver], ['inactive', 'linux', 'overlay2']);
  assert.equal(info.DockerRootDir, daemon.dataRoot);
  for (const field of ['NCPU', 'MemTotal', 'Containers', 'Images', 'NFd'])
    assert.equal(typeof info[field], 'number', field);
  assert.ok(!('KernelMemory' in info));
  assert.ok('KernelMemory' in (await get('/v1.41/info')).json);
});

test('swarm, plugins and what is yet to come', async () => {
  for (const path of ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs']) {
    const { status, json } = await get(path);
    assert.equal(status, 503, path);
    assert.match(json.message, /^This node is not a swarm manager\. Use "docker swarm init"/);
  }
  assert.deepEqual((await get('/plugins')).json, []);
  const { status, json } = await callApi(daemon.socket, 'POST', '/swarm/init', {});
  assert.equal(status, 501);
  assert.match(json.message, /not implemented/);
  const plain = await callApi(daemon.socket, 'POST', '/session', {});
  assert.equal(plain.status, 400);
  assert.match(plain.json.message, /no upgrade proto in request/);
});

test('networks and volumes', async () => {
  const networks = (await get('/networks')).json;
  assert.deepEqual(networks.map((one: { Name: string }) => one.Name).sort(), ['bridge', 'host', 'none']);
  const bridge = (await get('/networks/bridge')).json;
  assert.match(bridge.IPAM.Config[0].Subnet, /^10\./);
  const removal = await callApi(daemon.socket, 'DELETE', '/networks/bridge');
  assert.deepEqual(
    [removal.status, removal.json.message],
    [403, 'bridge is a pre-defined network and cannot be removed'],
  );
  const created = await callApi(daemon.socket, 'POST', '/volumes/create', {
    Name: 'apivol',
    Labels: { a: 'b' },
  });
  assert.deepEqual([created.status, created.json.Name, created.json.Scope], [201, 'apivol', 'local']);
  assert.deepEqual((await get('/volumes/apivol')).json.Labels, { a: 'b' });
  assert.equal((await get('/volumes')).json.Volumes.length, 1);
  assert.equal((await callApi(daemon.socket, 'DELETE', '/volumes/apivol')).status, 204);
  assert.equal((await get('/volumes/apivol')).status, 404);
});

test('several requests on one connection', async () => {
  const connection = new RawConnection(daemon.socket);
  const request = 'GET /v1.51/containers/json HTTP/1.1\r\nHost: docker\r\n\r\n';
  connection.send(request);
  await connection.until(/\[\]\n$/);
  connection.send(request);
  await connection.until(/\[\]\n[\s\S]*\[\]\n$/);
  connection.socket.destroy();
});

test('bad bodies and queries', async () => {
  const post = (body: string, type = 'application/json') =>
    callApi(daemon.socket, 'POST', '/containers/create', body, { 'content-type': type });
  assert.match((await post('{"Image":')).json.message, /^invalid JSON: unexpected EOF/);
  assert.match(
    (await post('{"Image":"x"}', 'text/plain')).json.message,
    /^unsupported Content-Type header \(text\/plain\)/,
  );
  const typed = await post('{"Image":"x","HostConfig":{"Memory":"64m"}}');
  assert.deepEqual(
    [typed.status, typed.json.message],
    [400, 'invalid JSON: HostConfig.Memory must be an integer, not a string'],
  );
  const empty = await callApi(daemon.socket, 'POST', '/containers/create');
  assert.deepEqual(
    [empty.status, empty.json.message],
    [400, 'config cannot be empty in order to create a container'],
  );
  assert.equal((await get('/containers/json?filters=[')).status, 400);
  assert.equal((await get('/containers/json?filters={%22nope%22:[%22x%22]}')).status, 400);
  assert.equal((await get('/events?since=yesterday')).status, 400);
  assert.equal((await get('/containers/%E0%A4%A/json')).status, 400);
});
