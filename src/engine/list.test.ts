import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineParts, engineParts, testId, testImage } from '../../test/support/engine-parts.ts';
import { noFilters } from './filters.ts';
import { type ListQuestion, listContainers } from './list.ts';
import type { ContainerState } from './model.ts';
import { inspectNetwork, listNetworks } from './networks.ts';

const base = testImage('base');
const app = testImage('app', { chainIds: ['sha256:base', 'sha256:app'] });
const running: ContainerState = { status: 'running', pid: 5, startedAt: Date.now() - 180_000 };
const exited: ContainerState = {
  status: 'exited',
  startedAt: 1,
  finishedAt: Date.now() - 5000,
  exitCode: 3,
  oomKilled: false,
};

async function fixture(context: Parameters<typeof engineParts>[0]): Promise<EngineParts> {
  const parts = await engineParts(context, [base, app]);
  const exposed = { config: { image: 'app', exposedPorts: ['80/tcp', '90/udp'], labels: { tier: 'front' } } };
  const published = { portBindings: { '80/tcp': [{ hostIp: '', hostPort: '8080' }] } };
  parts.add(
    { id: testId('aa'), name: 'web', createdAt: 1, imageId: app.id, state: running },
    { ...exposed, host: published },
  );
  parts.add(
    { id: testId('bb'), name: 'job', createdAt: 2, imageId: base.id, state: exited },
    { config: { image: 'base:latest' }, host: { networkMode: 'host' } },
  );
  parts.add(
    { id: testId('cc'), name: 'new', createdAt: 3, imageId: 'sha256:gone' },
    { config: { image: 'base' }, host: { networkMode: 'none' } },
  );
  parts.bridge.given.set(testId('aa'), {
    containerId: testId('aa'),
    endpointId: testId('ee'),
    networkId: parts.bridge.description.id,
    ipAddress: '10.9.0.2',
    prefixLength: 16,
    gateway: '10.9.0.1',
    macAddress: '02:42:0a:09:00:02',
    hostInterface: 'veth1',
    ports: [{ containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080 }],
  });
  return parts;
}

function list(parts: EngineParts, question: Partial<ListQuestion> = {}) {
  const snapshots = { containers: () => [], mount: () => ({ lower: [], upper: '', work: '' }) };
  const all = { all: false, limit: 0, size: false, filters: noFilters, ...question };
  return listContainers({ ...parts, snapshots } as never, all);
}

async function names(parts: EngineParts, filters: Record<string, string[]>, all = true): Promise<string> {
  const found = await list(parts, { all, filters: new Map(Object.entries(filters)) });
  return found.map((one) => one.names[0]?.slice(1)).join(' ');
}

test('a row has what ps shows', async (context) => {
  const [row] = await list(await fixture(context));
  assert.deepEqual(row?.names, ['/web']);
  assert.equal(row?.command, "sh -c 'sleep 1'");
  assert.equal(row?.image, 'app');
  assert.equal(row?.status, 'Up 3 minutes');
  assert.deepEqual(row?.ports, [
    { privatePort: 90, type: 'udp' },
    { ip: '0.0.0.0', privatePort: 80, publicPort: 8080, type: 'tcp' },
  ]);
  assert.equal(row?.networks['bridge']?.ipAddress, '10.9.0.2');
});

test('the newest come first; all, limit and state decide how many', async (context) => {
  const parts = await fixture(context);
  assert.equal((await list(parts)).length, 1);
  assert.deepEqual(
    (await list(parts, { all: true })).map(({ names: [name] }) => name),
    ['/new', '/job', '/web'],
  );
  assert.deepEqual(
    (await list(parts, { limit: 2 })).map(({ names: [name] }) => name),
    ['/new', '/job'],
  );
  assert.equal(
    (await list(parts, { all: true }))[0]?.image,
    'sha256:gone',
    'the name leads to another image now',
  );
});

test('every filter of ps', async (context) => {
  const parts = await fixture(context);
  const expected: Array<[Record<string, string[]>, string]> = [
    [{ name: ['^/?we'] }, 'web'],
    [{ name: ['web', 'job'] }, 'job web'],
    [{ id: [testId('bb').slice(0, 5)] }, 'job'],
    [{ label: ['tier'] }, 'web'],
    [{ label: ['tier=front', 'other'] }, ''],
    [{ status: ['exited', 'created'] }, 'new job'],
    [{ exited: ['3'] }, 'job'],
    [{ exited: ['0'] }, ''],
    [{ ancestor: ['base'] }, 'job web'],
    [{ ancestor: ['app'] }, 'web'],
    [{ ancestor: ['nosuch'] }, ''],
    [{ before: ['new'] }, 'job web'],
    [{ since: ['web'] }, 'new job'],
    [{ network: ['bridge'] }, 'web'],
    [{ network: ['host', 'none'] }, 'new job'],
    [{ network: [parts.bridge.description.id] }, 'web'],
    [{ publish: ['80'] }, 'web'],
    [{ publish: ['90/udp'] }, ''],
    [{ expose: ['85-95/udp'] }, 'web'],
    [{ health: ['none'], name: ['web'] }, 'web'],
    [{ health: ['healthy'] }, ''],
    [{ 'is-task': ['true'] }, ''],
    [{ volume: ['/data'] }, ''],
  ];
  for (const [filters, found] of expected)
    assert.equal(await names(parts, filters), found, JSON.stringify(filters));
  assert.equal(await names(parts, { status: ['exited'] }, false), 'job', 'a status implies all');
});

test('bad filters are refused in the words of Docker', async (context) => {
  const parts = await fixture(context);
  const refused = (filters: Record<string, string[]>, message: string) =>
    assert.rejects(names(parts, filters), { message });
  await refused({ colour: ['red'] }, "invalid filter 'colour'");
  await refused({ status: ['asleep'] }, "invalid filter 'status=asleep'");
  await refused({ exited: ['x'] }, "invalid filter 'exited=x'");
  await refused({ publish: ['http'] }, "invalid filter 'publish=http'");
  await refused({ before: ['nosuch'] }, 'No such container: nosuch');
});

test('a thousand containers are listed in a few milliseconds', async (context) => {
  const parts = await engineParts(context, [base]);
  parts.database.transaction(() => {
    for (let index = 0; index < 1000; index += 1) {
      parts.add({
        id: testId(index.toString(16).padStart(4, '0')),
        name: `c${index}`,
        imageId: base.id,
        state: running,
      });
    }
  });
  await list(parts);
  const before = performance.now();
  assert.equal((await list(parts)).length, 1000);
  assert.ok(performance.now() - before < 100, `${performance.now() - before} ms`);
});

test('the three networks, with who is on them', async (context) => {
  const parts = await fixture(context);
  const drivers = listNetworks(parts as never, noFilters).map(({ name, driver }) => `${name}/${driver}`);
  assert.deepEqual(drivers, ['bridge/bridge', 'host/host', 'none/null']);
  const bridge = inspectNetwork(parts as never, 'bridge');
  assert.deepEqual(Object.values(bridge.containers), [
    {
      name: 'web',
      endpointId: testId('ee'),
      macAddress: '02:42:0a:09:00:02',
      ipv4Address: '10.9.0.2/16',
      ipv6Address: '',
    },
  ]);
  const byDriver = listNetworks(parts as never, new Map([['driver', ['null']]]));
  assert.deepEqual(
    byDriver.map(({ name }) => name),
    ['none'],
  );
  assert.equal(inspectNetwork(parts as never, byDriver[0]?.id.slice(0, 12) ?? '').name, 'none');
  assert.throws(() => inspectNetwork(parts as never, 'nosuch'), {
    code: 'not-found',
    message: 'network nosuch not found',
  });
});
