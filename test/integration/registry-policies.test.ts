/** The registry as a program: webhooks, metrics, quotas, immutable tags and retention rules, as its configuration file has them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GantryRegistry } from '../support/gantry-registry.ts';
import { buildImage, type FixtureImage } from '../support/image-fixtures.ts';
import { freePort, pushImage } from '../support/registry.ts';
import { getManifest } from '../support/registry-requests.ts';
import { tarOf } from '../support/tar-writer.ts';

interface Event {
  action: string;
  target: { repository: string; tag?: string; mediaType?: string; references?: unknown[]; url?: string };
  request: { method: string; addr: string; useragent: string };
}

let registry: GantryRegistry;
let hook: Server;
let metricsUrl: string;
const events: Event[] = [];

before(async () => {
  hook = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const envelope: { events: Event[] } = JSON.parse(Buffer.concat(chunks).toString());
      events.push(...envelope.events);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const address = hook.address();
  const hookPort = typeof address === 'object' ? address?.port : 0;
  const debug = `127.0.0.1:${await freePort()}`;
  metricsUrl = `http://${debug}/metrics`;
  registry = await GantryRegistry.start({
    http: { debug: { addr: debug, prometheus: { enabled: true, path: '/metrics' } } },
    config: {
      notifications: {
        events: { includereferences: true },
        endpoints: [
          {
            name: 'hook',
            url: `http://127.0.0.1:${hookPort}/`,
            timeout: '1s',
            threshold: 3,
            backoff: '50ms',
            ignore: { mediatypes: ['application/octet-stream'] },
          },
        ],
      },
      gantry: {
        quotas: [{ repositories: 'small/**', maxbytes: '50KB', maxtags: 2 }],
        immutabletags: [{ repositories: 'prod/**', tags: 'v*' }],
        retention: {
          interval: '100ms',
          rules: [{ repositories: 'ci/**', keeplast: 1, keeptags: ['stable'] }],
        },
      },
    },
  });
});
after(async () => {
  await registry.close();
  hook.closeAllConnections();
  hook.close();
});

function image(size: number): FixtureImage {
  return buildImage({ layers: [tarOf([{ name: 'data', data: randomBytes(size) }])] });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 20) {
    if (await condition()) return;
    await sleep(20);
  }
  assert.fail('it did not come to that within 5 s');
}

/** The error that `work` was refused with, as the registry worded it. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : String(error);
}

test('a webhook hears of pushes, pulls and deletions of images', async () => {
  const pushed = image(1000);
  await pushImage(registry.url, 'told/app', 'one', pushed);
  const { digest, mediaType } = await getManifest(registry.url, 'told/app', 'one');
  await fetch(`${registry.url}/v2/told/app/manifests/one`, { method: 'DELETE' });
  await until(() => events.length >= 3);
  const url = `${registry.url}/v2/told/app/manifests/${digest}`;
  const about = events.map(({ action, target, request }) => [
    action,
    target.tag,
    target.mediaType,
    target.url,
    request.method,
  ]);
  assert.deepEqual(about, [
    ['push', 'one', mediaType, url, 'PUT'],
    ['pull', 'one', mediaType, url, 'GET'],
    ['delete', 'one', undefined, undefined, 'DELETE'],
  ]);
  assert.equal(events[0]?.target.references?.length, 2);
});

test('metrics say what was asked, what is stored and how the webhook does', async () => {
  await pushImage(registry.url, 'measured', 'one', image(2000));
  await getManifest(registry.url, 'measured', 'one');
  await until(() =>
    events.some(({ action, target }) => action === 'pull' && target.repository === 'measured'),
  );
  const text = await (await fetch(metricsUrl)).text();
  const value = (sample: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`${sample} `));
    return Number(line?.split(' ').at(-1) ?? Number.NaN);
  };
  assert.equal(value('gantry_registry_pushes_total{repository="measured"}'), 1);
  assert.equal(value('gantry_registry_pulls_total{repository="measured"}'), 1);
  assert.ok(value('gantry_registry_blobs') >= 3);
  assert.ok(value('gantry_registry_stored_bytes') > 2000);
  assert.equal(value('gantry_registry_uploads'), 0);
  assert.ok(value('registry_http_requests_total{code="201",handler="manifest",method="put"}') >= 1);
  assert.ok(value('registry_http_request_size_bytes_sum{handler="blob_upload_chunk"}') > 2000);
  assert.equal(value('registry_http_in_flight_requests{handler="manifest"}'), 0);
  assert.ok(value('registry_storage_action_seconds_count{driver="filesystem",action="putManifest"}') >= 1);
  assert.ok(value('registry_notifications_events_total{type="Successes",endpoint="hook"}') >= 1);
});

test('a push over the quota is denied with the numbers', async () => {
  await pushImage(registry.url, 'small/app', 'one', image(30_000));
  const said = await refusal(pushImage(registry.url, 'small/other', 'one', image(30_000)));
  assert.match(said, /403/);
  assert.match(said, /DENIED/);
  assert.match(
    said,
    /quota \\"small\/\*\*\\" allows \S+ \S+ \(\d+ bytes\) in small: 3\d\.\d kB \(\d+ bytes\) are used, this push would make it 6\d\.\d kB/,
  );
  await pushImage(registry.url, 'small/app', 'two', image(10));
  assert.match(
    await refusal(pushImage(registry.url, 'small/app', 'three', image(10))),
    /DENIED.*quota.*allows 2 tags in small\/app: 2 are there, three would make it 3/,
  );
});

test('an immutable tag is neither moved nor removed', async () => {
  const first = image(10);
  await pushImage(registry.url, 'prod/app', 'v1', first);
  await pushImage(registry.url, 'prod/app', 'v1', first);
  const said = await refusal(pushImage(registry.url, 'prod/app', 'v1', image(20)));
  assert.match(
    said,
    new RegExp(`403.*DENIED.*tag v1 of prod/app is immutable: it names ${first.manifest.digest}`),
  );
  for (const reference of ['v1', first.manifest.digest]) {
    const path = `${registry.url}/v2/prod/app/manifests/${reference}`;
    const { status } = await fetch(path, { method: 'DELETE' });
    assert.equal(status, 403);
  }
  assert.equal((await getManifest(registry.url, 'prod/app', 'v1')).digest, first.manifest.digest);
});

test('retention rules are applied again and again', async () => {
  for (const tag of ['stable', '1', '2', '3']) await pushImage(registry.url, 'ci/app', tag, image(10));
  const tags = async (): Promise<string[]> => {
    const answer = await fetch(`${registry.url}/v2/ci/app/tags/list`);
    return ((await answer.json()) as { tags: string[] }).tags;
  };
  await until(async () => (await tags()).length === 2);
  assert.deepEqual(await tags(), ['3', 'stable']);
});
