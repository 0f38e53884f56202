import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { isEngineError } from '../../errors/engine-error.ts';
import type { RegistryEvent } from '../registry-types.ts';
import type { WebhookEndpoint } from './webhook-config.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

interface Received {
  headers: IncomingMessage['headers'];
  body: { events: Array<Record<string, unknown>> };
}

const digest = `sha256:${'a'.repeat(64)}`;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
let server: Server;
let url: string;
let received: Received[];
/** How the next requests are answered; 200 when it is empty. */
let statuses: number[];
let lines: string[];
let log: Logger;
let webhooks: Webhooks | undefined;

beforeEach(async () => {
  received = [];
  statuses = [];
  lines = [];
  log = pino({ base: null }, { write: (line) => void lines.push(line) });
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const status = statuses.shift() ?? 200;
      if (status === 0) return;
      if (status < 300) {
        received.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
      }
      response.writeHead(status, status === 307 ? { location: '/elsewhere' } : {}).end('thanks');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/hook`;
});
afterEach(async () => {
  await webhooks?.close(0);
  webhooks = undefined;
  server.closeAllConnections();
  server.close();
});

function start(more: Partial<WebhookEndpoint> = {}, queueLimit?: number): Webhooks {
  const endpoint = { name: 'test', url, ...more };
  const config = { endpoints: [endpoint], address: 'registry:5000', includeReferences: true };
  webhooks = createWebhooks({ ...config, ...(queueLimit === undefined ? {} : { queueLimit }) }, log);
  return webhooks;
}

function event(more: Partial<RegistryEvent> = {}): RegistryEvent {
  const request = {
    id: 'r1',
    address: '10.0.0.1:99',
    host: 'registry:5000',
    method: 'PUT',
    userAgent: 'docker',
  };
  return {
    action: 'push',
    repository: 'team/app',
    digest,
    mediaType: manifestType,
    size: 708,
    request,
    actor: { name: '' },
    ...more,
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 5) {
    if (condition()) return;
    await sleep(5);
  }
  assert.fail('waited for 5 s');
}

const tags = (): unknown[] =>
  received.flatMap(({ body }) => body.events.map((one) => (one['target'] as { tag: string }).tag));

test('an event has the form that distribution gives it', async () => {
  const references = [{ mediaType: 'application/octet-stream', digest, size: 7 }];
  const { listener } = start({ headers: { Authorization: ['Bearer x'] } });
  listener(event({ tag: 'latest', references, actor: { name: 'ann' } }));
  await until(() => received.length === 1);
  const [{ headers, body } = assert.fail()] = received;
  assert.equal(headers['content-type'], 'application/vnd.docker.distribution.events.v1+json');
  assert.equal(headers.authorization, 'Bearer x');
  const [{ id, timestamp, source, ...rest } = {}] = body.events;
  assert.match(String(id), /^[\da-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(String(timestamp)) - Date.now()) < 10_000);
  assert.deepEqual(Object.keys(source ?? {}), ['addr', 'instanceID']);
  assert.deepEqual(rest, {
    action: 'push',
    target: {
      mediaType: manifestType,
      size: 708,
      digest,
      length: 708,
      repository: 'team/app',
      url: `http://registry:5000/v2/team/app/manifests/${digest}`,
      tag: 'latest',
      references,
    },
    request: { id: 'r1', addr: '10.0.0.1:99', host: 'registry:5000', method: 'PUT', useragent: 'docker' },
    actor: { name: 'ann' },
  });
});

test('blobs, mounts and deletions say what is known of them', async () => {
  const { listener } = start();
  const mediaType = 'application/octet-stream';
  listener(event({ action: 'mount', mediaType, fromRepository: 'team/base' }));
  listener(event({ action: 'delete', mediaType: '', size: 0 }));
  const { digest: _, ...tagAlone } = event({ action: 'delete', mediaType: '', size: 0, tag: 'old' });
  listener(tagAlone);
  await until(() => received.length === 3);
  const targets = received.map(({ body }) => body.events[0]?.['target']);
  assert.deepEqual(targets, [
    {
      mediaType,
      size: 708,
      digest,
      length: 708,
      repository: 'team/app',
      fromRepository: 'team/base',
      url: `http://registry:5000/v2/team/app/blobs/${digest}`,
    },
    { digest, repository: 'team/app' },
    { repository: 'team/app', tag: 'old' },
  ]);
});

test('what an endpoint ignores does not come, nor anything to a disabled one', async () => {
  const { listener, stats } = start({
    ignoredActions: ['pull'],
    ignoredMediaTypes: ['application/octet-stream'],
  });
  listener(event({ action: 'pull', tag: 'pulled' }));
  listener(event({ mediaType: 'application/octet-stream', tag: 'blob' }));
  listener(event({ tag: 'pushed' }));
  await until(() => received.length === 1);
  assert.deepEqual(tags(), ['pushed']);
  assert.equal(stats()[0]?.events, 1);
  await webhooks?.close();
  assert.deepEqual(start({ disabled: true }).stats(), []);
});

test('events stay in order through failures, and the outage is said once', async () => {
  statuses = [500, 503, 404];
  const { listener, stats } = start({ threshold: 2, backoff: 20 });
  for (const tag of ['1', '2', '3']) listener(event({ tag }));
  await until(() => stats()[0]?.successes === 3);
  assert.deepEqual(tags(), ['1', '2', '3']);
  const { statuses: answered, ...counts } = stats()[0] ?? assert.fail();
  assert.deepEqual(counts, {
    name: 'test',
    events: 3,
    successes: 3,
    failures: 3,
    errors: 0,
    dropped: 0,
    pending: 0,
  });
  assert.deepEqual(
    [...answered],
    [
      [500, 1],
      [503, 1],
      [404, 1],
      [200, 3],
    ],
  );
  assert.equal(lines.filter((line) => line.includes('takes no events')).length, 1);
  assert.equal(lines.filter((line) => line.includes('takes events again')).length, 1);
});

test('beyond the threshold, every try waits', async () => {
  statuses = [500, 500, 500, 500];
  const started = performance.now();
  const { listener } = start({ threshold: 2, backoff: 100 });
  listener(event());
  await until(() => received.length === 1);
  assert.ok(performance.now() - started >= 295, `${performance.now() - started} ms`);
});

test('an endpoint that hangs is given up after the timeout; a redirect is followed', async () => {
  statuses = [0, 307];
  const { listener, stats } = start({ timeout: 100 });
  listener(event({ tag: 'late' }));
  await until(() => stats()[0]?.successes === 1);
  assert.equal(stats()[0]?.errors, 1);
  assert.deepEqual(tags(), ['late']);
});

test('a full queue drops the oldest, counts it and says so', async () => {
  statuses = [0];
  const { listener, stats } = start({ timeout: 300 }, 3);
  for (let tag = 1; tag <= 6; tag += 1) listener(event({ tag: String(tag) }));
  await until(() => received.length >= 4);
  // The first is on its way already; three wait.
  assert.deepEqual(tags(), ['1', '4', '5', '6']);
  assert.equal(stats()[0]?.dropped, 2);
  assert.equal(lines.filter((line) => line.includes('the oldest are dropped')).length, 1);
});

test('the end waits for what is queued, but not for ever', async () => {
  const { listener, close } = start();
  for (let tag = 1; tag <= 20; tag += 1) listener(event({ tag: String(tag) }));
  await close();
  assert.equal(received.length, 20);
  statuses = [0];
  const hanging = start({ timeout: 60_000 });
  hanging.listener(event());
  hanging.listener(event());
  const started = performance.now();
  await hanging.close(100);
  assert.ok(performance.now() - started < 1000);
  assert.equal(hanging.stats()[0]?.dropped, 2);
  assert.ok(lines.some((line) => line.includes('before all events were delivered')));
});

test('endpoints that cannot be are refused', () => {
  for (const endpoint of [{ name: '', url }, { url: 'ftp://x/' }, { url: 'nonsense' }]) {
    assert.throws(
      () => start(endpoint),
      (error) => isEngineError(error, 'invalid-argument'),
    );
  }
});
