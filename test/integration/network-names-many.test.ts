/** 200 containers on one network: names are right within 50 ms of a start, never lead to a dead one, and connecting and disconnecting drop only what was asked. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { askName } from '../support/name-ask.ts';

const count = 200;
/** Milliseconds. */
const bound = 50;
const startsAtOnce = 4;

interface Member {
  name: string;
  id: string;
  ip: string;
  /** It is being ended: both answers are right. */
  isEnding: boolean;
  /** By performance.now(): nobody may be led to it from here on. */
  deadAt: number;
}

let daemon: TestDaemon;
let gateway: string;
const members: Member[] = [];
before(async () => {
  daemon = await TestDaemon.start();
  await call('POST', '/networks/create', { Name: 'many', Driver: 'bridge' });
  await call('POST', '/networks/create', { Name: 'side', Driver: 'bridge' });
  const { json } = await callApi(daemon.socket, 'GET', '/networks/many');
  gateway = json.IPAM.Config[0].Gateway;
});
after(() => daemon.close());

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await callApi(daemon.socket, method, path, body);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.json;
}

async function create(name: string, command: string): Promise<string> {
  const { json, status, text } = await callApi(daemon.socket, 'POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    Cmd: ['sh', '-c', command],
    HostConfig: { NetworkMode: 'many' },
  });
  assert.equal(status, 201, text);
  return json.Id;
}

async function addressOf(id: string, network: string): Promise<string> {
  const { json } = await callApi(daemon.socket, 'GET', `/containers/${id}/json`);
  return json.NetworkSettings.Networks[network].IPAddress;
}

/** Starts one and asks for it at once: milliseconds from the answer of the start until its name is right. */
async function startAndAsk(index: number): Promise<number> {
  const name = `m${index}`;
  const id = await create(name, 'exec sleep 1000');
  await call('POST', `/containers/${id}/start`);
  const began = performance.now();
  let found = await askName(gateway, name);
  while (found.code !== 0 && performance.now() - began < 1000) found = await askName(gateway, name);
  const took = performance.now() - began;
  const ip = await addressOf(id, 'many');
  assert.deepEqual(found.data, [ip], name);
  members.push({ name, id, ip, isEnding: false, deadAt: Number.POSITIVE_INFINITY });
  return took;
}

/** Asks for names by turns until told to stop; each answer that leads to a dead container, or to another's address, is a complaint. */
async function askAround(signal: AbortSignal, complaints: string[]): Promise<number> {
  let asked = 0;
  while (!signal.aborted) {
    const member = members[asked % Math.max(1, members.length)];
    asked += 1;
    if (member === undefined) await sleep(5);
    else {
      const askedAt = performance.now();
      const { data } = await askName(gateway, member.name);
      const isDead = askedAt > member.deadAt;
      if (isDead && data.length > 0) complaints.push(`${member.name} is dead, and led to ${data.join()}`);
      if (!member.isEnding && data.join() !== member.ip)
        complaints.push(`${member.name} is ${member.ip}, and led to ${data.join() || 'nothing'}`);
      await sleep(1);
    }
  }
  return asked;
}

test('each of 200 is found by name within 50 ms of its start', { timeout: 120_000 }, async (context) => {
  const complaints: string[] = [];
  const stop = new AbortController();
  const asking = askAround(stop.signal, complaints);
  const times: number[] = [];
  const indices = Array.from({ length: count }, (_, index) => index);
  const worker = async (): Promise<void> => {
    for (let index = indices.shift(); index !== undefined; index = indices.shift())
      times.push(await startAndAsk(index));
  };
  await Promise.all(Array.from({ length: startsAtOnce }, worker));
  stop.abort();
  const asked = await asking;
  times.sort((one, other) => one - other);
  context.diagnostic(
    `median ${times[count / 2]?.toFixed(1)} ms, slowest ${times.at(-1)?.toFixed(1)} ms; ${asked} other questions meanwhile`,
  );
  assert.deepEqual(complaints, []);
  assert.ok((times.at(-1) ?? bound) < bound, `the slowest took ${times.at(-1)} ms`);
  assert.equal(new Set(members.map(({ ip }) => ip)).size, count, 'each has an address of its own');
  const inside = await daemon.ok(['exec', 'm0', 'nslookup', 'm199']);
  assert.ok(inside.includes(members.find(({ name }) => name === 'm199')?.ip ?? '?'), inside);
});

test('who connects and disconnects drops only that', { timeout: 60_000 }, async () => {
  const server = await create('server', 'exec nc -ll -p 7000 -e cat');
  const both = await create(
    'both',
    /* One connection that lives through all of it: a number a line, there and back. */
    'i=0; (while [ $i -lt 100000 ]; do i=$((i+1)); echo $i; usleep 20000; done) | nc server 7000',
  );
  for (const id of [server, both]) await call('POST', `/containers/${id}/start`);
  await call('POST', '/networks/side/connect', { Container: server });
  const echoed = async (): Promise<number> =>
    Number((await daemon.ok(['logs', '--tail', '1', both])).split('\n').at(-1));
  await waitFor(async () => (await echoed()) > 3);
  const turning = members.slice(0, 40);
  for (let round = 0; round < 2; round++) {
    await inTurn([...turning.map(({ id }) => id), both], async (Container) => {
      await call('POST', '/networks/side/connect', { Container });
    });
    const before = await echoed();
    const sideAddress = await addressOf(server, 'side');
    assert.equal(await reaches(both, sideAddress), true, 'over the other network');
    await inTurn([...turning.map(({ id }) => id), both], async (Container) => {
      await call('POST', '/networks/side/disconnect', { Container });
    });
    assert.equal(await reaches(both, sideAddress), false, 'over the network that it left');
    await waitFor(async () => (await echoed()) > before + 3);
  }
  const lines = (await daemon.ok(['logs', both])).split('\n').map(Number);
  assert.deepEqual(
    lines,
    lines.map((_, index) => index + 1),
    'one connection, and nothing of it was lost',
  );
  for (const { name, ip } of members) assert.deepEqual((await askName(gateway, name)).data, [ip], name);
});

test('names of those that end are gone when that is told', { timeout: 60_000 }, async (context) => {
  const complaints: string[] = [];
  const stop = new AbortController();
  const asking = askAround(stop.signal, complaints);
  const doomed = members.filter((_, index) => index % 2 === 0);
  await inTurn(doomed, async (member) => {
    member.isEnding = true;
    const ended = callApi(daemon.socket, 'POST', `/containers/${member.id}/wait`);
    await call('POST', `/containers/${member.id}/kill`);
    await ended;
    member.deadAt = performance.now();
    const { data } = await askName(gateway, member.name);
    if (data.length > 0) complaints.push(`${member.name} ended, and led to ${data.join()}`);
  });
  stop.abort();
  context.diagnostic(`${doomed.length} ended, ${await asking} other questions meanwhile`);
  assert.deepEqual(complaints, []);
});

/** A few at a time. */
async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: startsAtOnce }, worker));
}

async function reaches(id: string, address: string): Promise<boolean> {
  const { code } = await daemon.docker(['exec', id, 'ping', '-c', '1', '-W', '1', address]);
  return code === 0;
}

async function waitFor(isSo: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 50) {
    if (await isSo()) return;
    await sleep(50);
  }
  assert.fail('it did not become so within 5 s');
}
