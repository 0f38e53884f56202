import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EventBus } from './events.ts';
import type { EngineEvent } from './model.ts';

type Plain = Omit<EngineEvent, 'timeNano'>;

const started: Plain = {
  type: 'container',
  action: 'start',
  actorId: 'abcdef0123',
  attributes: { name: 'web', image: 'host:5000/nginx:1', tier: 'front' },
};
const pulled: Plain = {
  type: 'image',
  action: 'pull',
  actorId: 'busybox:latest',
  attributes: { name: 'busybox' },
};
const mounted: Plain = {
  type: 'volume',
  action: 'mount',
  actorId: 'data',
  attributes: { driver: 'local', container: 'abcdef0123' },
};
const connected: Plain = {
  type: 'network',
  action: 'connect',
  actorId: 'fedcba',
  attributes: { name: 'app', type: 'bridge', container: 'abcdef0123' },
};
const execed: Plain = { ...started, action: 'exec_start: ls -l' };
const past = { since: '1' };
const never = new AbortController().signal;

async function actionsOf(events: AsyncIterable<EngineEvent>): Promise<string[]> {
  const actions: string[] = [];
  for await (const event of events) actions.push(event.action);
  return actions;
}

/** What is remembered and fits, asked for with a bound that has passed. */
async function remembered(bus: EventBus, filters: Record<string, string[]>): Promise<string[]> {
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const stop = new AbortController();
  const events = bus.subscribe({ ...past, until, filters: new Map(Object.entries(filters)) }, stop.signal);
  stop.abort();
  return actionsOf(events);
}

function busWith(...events: Plain[]): EventBus {
  const bus = new EventBus();
  for (const event of events) bus.publish(event);
  return bus;
}

test('a listener hears what happens after its call, even before it reads', async () => {
  const bus = busWith(pulled);
  const stop = new AbortController();
  const events = bus.subscribe({}, stop.signal);
  bus.publish(started);
  bus.publish(mounted);
  assert.equal(bus.listenerCount, 1);
  setImmediate(() => stop.abort());
  assert.deepEqual(await actionsOf(events), ['start', 'mount']);
  assert.equal(bus.listenerCount, 0);
});

test('times strictly increase and are of now', async () => {
  const bus = busWith(...Array.from({ length: 500 }, () => pulled));
  const stop = new AbortController();
  const events = bus.subscribe(past, stop.signal);
  stop.abort();
  let last = 0n;
  for await (const { timeNano } of events) {
    assert.ok(timeNano > last);
    last = timeNano;
  }
  assert.ok(Math.abs(Number(last / 1_000_000n) - Date.now()) < 1000);
});

test('since replays, until ends', async () => {
  const bus = busWith(pulled, started);
  const until = (Date.now() / 1000 + 0.15).toFixed(9);
  const before = Date.now();
  const events = bus.subscribe({ ...past, until }, never);
  setTimeout(() => bus.publish(mounted), 20);
  assert.deepEqual(await actionsOf(events), ['pull', 'start', 'mount']);
  assert.ok(Date.now() - before >= 140);
  await delay(10);
  assert.deepEqual(await actionsOf(bus.subscribe({ until: '5' }, never)), []);
});

test('history is bounded', async () => {
  const bus = busWith(...Array.from({ length: 5000 }, () => pulled));
  assert.equal((await remembered(bus, {})).length, 1024);
});

test('filters match as in Docker', async () => {
  const bus = busWith(pulled, started, execed, mounted, connected);
  const of = (filters: Record<string, string[]>) => remembered(bus, filters);
  assert.deepEqual(await of({ type: ['volume', 'image'] }), ['pull', 'mount']);
  assert.deepEqual(await of({ container: ['abc'] }), ['start', 'exec_start: ls -l']);
  assert.deepEqual(await of({ container: ['abcdef0123'] }), ['start', 'exec_start: ls -l']);
  assert.deepEqual(await of({ container: ['web'], event: ['start'] }), ['start']);
  assert.deepEqual(await of({ event: ['exec_start'] }), ['exec_start: ls -l']);
  assert.deepEqual(await of({ image: ['host:5000/nginx'] }), ['start', 'exec_start: ls -l']);
  assert.deepEqual(await of({ image: ['busybox'] }), ['pull']);
  assert.deepEqual(await of({ label: ['tier=front'], event: ['start'] }), ['start']);
  assert.deepEqual(await of({ label: ['tier=back'] }), []);
  assert.deepEqual(await of({ volume: ['data'] }), ['mount']);
  assert.deepEqual(await of({ network: ['bridge'] }), []);
  assert.deepEqual(await of({ network: ['app'] }), ['connect']);
  assert.deepEqual(await of({ network: ['app'], container: ['abc'] }), []);
  assert.deepEqual(await of({ service: ['x'] }), []);
});

test('bad filters and bounds are refused at once', () => {
  const bus = new EventBus();
  assert.throws(() => bus.subscribe({ filters: new Map([['colour', ['red']]]) }, never), {
    code: 'invalid-argument',
    message: "invalid filter 'colour'",
  });
  assert.throws(() => bus.subscribe({ since: 'soon' }, never), { code: 'invalid-argument' });
  assert.equal(bus.listenerCount, 0);
});

test('a reader that falls far behind is sent away, the bus goes on', async () => {
  const bus = new EventBus();
  const events = bus.subscribe({}, never);
  for (let count = 0; count < 20_000; count += 1) bus.publish(pulled);
  await assert.rejects(actionsOf(events), { code: 'resource-exhausted' });
  assert.equal(bus.listenerCount, 0);
});
