import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import type { AnsweredRequest, RegistryEvent, RegistryStorage } from '../registry-types.ts';
import { createMetrics } from './metrics.ts';
import { handlerOf, routeOfPath } from './names.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Samples of Gantry's and distribution's own metrics, without buckets. */
async function samples(metrics: { text(): Promise<string> }, pattern: RegExp): Promise<string[]> {
  const lines = (await metrics.text()).split('\n');
  return lines.filter((line) => pattern.test(line) && !line.startsWith('#') && !line.includes('_bucket'));
}

function answer(more: Partial<AnsweredRequest>): AnsweredRequest {
  const who = { address: '', userAgent: '', id: '', principal: '' };
  return {
    method: 'GET',
    path: '/v2/',
    route: 'base',
    status: 200,
    bytes: 2,
    milliseconds: 250,
    ...who,
    ...more,
  };
}

function event(more: Partial<RegistryEvent>): RegistryEvent {
  const request = { id: '', address: '', host: '', method: '', userAgent: '' };
  const target = { repository: 'app', digest: 'sha256:0', mediaType: manifestType, size: 1 };
  return { action: 'pull', ...target, request, actor: { name: '' }, ...more };
}

test('answers are counted under the names of distribution', async () => {
  const metrics = createMetrics();
  metrics.onAnswer(answer({}));
  metrics.onAnswer(answer({ route: 'upload', method: 'POST', status: 202 }));
  metrics.onAnswer(answer({ route: 'upload', method: 'PATCH', status: 202 }));
  metrics.onAnswer(answer({ route: 'unknown', method: 'BREW', status: 405, bytes: 5000 }));
  assert.deepEqual(await samples(metrics, /^registry_http_requests/), [
    'registry_http_requests_total{code="200",handler="base",method="get"} 1',
    'registry_http_requests_total{code="202",handler="blob_upload",method="post"} 1',
    'registry_http_requests_total{code="202",handler="blob_upload_chunk",method="patch"} 1',
    'registry_http_requests_total{code="405",handler="unknown",method="other"} 1',
  ]);
  assert.deepEqual(await samples(metrics, /^registry_http_(request_duration|response).*(base|unknown)/), [
    'registry_http_request_duration_seconds_sum{handler="base",method="get"} 0.25',
    'registry_http_request_duration_seconds_count{handler="base",method="get"} 1',
    'registry_http_request_duration_seconds_sum{handler="unknown",method="other"} 0.25',
    'registry_http_request_duration_seconds_count{handler="unknown",method="other"} 1',
    'registry_http_response_size_bytes_sum{handler="base"} 2',
    'registry_http_response_size_bytes_count{handler="base"} 1',
    'registry_http_response_size_bytes_sum{handler="unknown"} 5000',
    'registry_http_response_size_bytes_count{handler="unknown"} 1',
  ]);
});

test('requests under way and what they bring, chunked or not', { timeout: 10_000 }, async () => {
  const metrics = createMetrics();
  let inside = '';
  const server = createServer((request, response) => {
    request.resume().on('end', async () => {
      inside = (await samples(metrics, /in_flight/)).join();
      response.end();
    });
  }).listen(0, '127.0.0.1');
  metrics.observe(server);
  try {
    await once(server, 'listening');
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v2/a/b/blobs/uploads/1`;
    const half = new Uint8Array(50_000);
    const chunked = new ReadableStream({
      start: (controller) => {
        controller.enqueue(half);
        controller.enqueue(half);
        controller.close();
      },
    });
    await fetch(url, { method: 'PUT', body: new Uint8Array(100_000), headers: { connection: 'close' } });
    assert.equal(inside, 'registry_http_in_flight_requests{handler="blob_upload_chunk"} 1');
    const init = { method: 'PATCH', body: chunked, duplex: 'half', headers: { connection: 'close' } };
    await fetch(url, init as RequestInit);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
  assert.deepEqual(await samples(metrics, /in_flight/), [
    'registry_http_in_flight_requests{handler="blob_upload_chunk"} 0',
  ]);
  const [sum = ''] = await samples(metrics, /request_size_bytes_sum/);
  const bytes = Number(sum.split(' ')[1]);
  assert.ok(bytes > 200_000 && bytes < 203_000, sum);
});

test('images are counted by repository, with a bound on names', async () => {
  const metrics = createMetrics({ repositoryLimit: 2 });
  for (const repository of ['a', 'b', 'c', 'd', 'a']) metrics.listener(event({ repository }));
  metrics.listener(event({ mediaType: 'application/octet-stream' }));
  metrics.listener(event({ action: 'push' }));
  metrics.listener(event({ action: 'delete', repository: 'a', mediaType: '' }));
  assert.deepEqual(await samples(metrics, /^gantry_registry_(pulls|pushes|deletions)/), [
    'gantry_registry_pulls_total{repository="a"} 2',
    'gantry_registry_pulls_total{repository="b"} 1',
    'gantry_registry_pulls_total{repository="(other)"} 2',
    'gantry_registry_pushes_total{repository="(other)"} 1',
    'gantry_registry_deletions_total{repository="a"} 1',
  ]);
});

test('what is stored, collected and deleted by rules', async () => {
  let looks = 0;
  const metrics = createMetrics({
    totals: () => {
      looks += 1;
      return looks > 1
        ? Promise.reject(new Error('gone'))
        : Promise.resolve({ blobs: 3, bytes: 99, uploads: 1 });
    },
  });
  metrics.onCollect({ blobs: 2, manifests: 1, uploads: 4, freed: 1000 }, 500);
  const gone = { repository: 'a', digest: '', reason: '' };
  const report = { repositories: 1, keptTags: 0, tags: [{ ...gone, tag: 'x' }], manifests: [gone, gone] };
  metrics.onRetention({ dryRun: false, ...report });
  metrics.onRetention({ dryRun: true, ...report });
  const expected = [
    'gantry_registry_collections_total 1',
    'gantry_registry_collection_seconds_total 0.5',
    'gantry_registry_collected_bytes_total 1000',
    'gantry_registry_collected_blobs_total 2',
    'gantry_registry_collected_manifests_total 1',
    'gantry_registry_collected_uploads_total 4',
    'gantry_registry_retention_runs_total 1',
    'gantry_registry_retention_tags_total 1',
    'gantry_registry_retention_manifests_total 2',
    'gantry_registry_blobs 3',
    'gantry_registry_stored_bytes 99',
    'gantry_registry_uploads 1',
  ];
  assert.deepEqual(await samples(metrics, /^gantry_registry/), expected);
  assert.equal(looks, 1);
  assert.deepEqual(await samples(metrics, /^gantry_registry/), expected, 'a look that fails changes nothing');
});

test('webhooks and the pull-through cache are asked at each scrape', async () => {
  const counts = { requests: 3, hits: 2, misses: 1, pulledBytes: 10, pushedBytes: 30 };
  const none = { requests: 0, hits: 0, misses: 0, pulledBytes: 0, pushedBytes: 0 };
  const queue = { events: 5, successes: 1, failures: 2, errors: 3, dropped: 1, pending: 3 };
  const metrics = createMetrics({
    notifications: () => [{ name: 'ci', ...queue, statuses: new Map([[503, 2]]) }],
    proxy: () => ({ blob: counts, manifest: none }),
  });
  await metrics.text();
  assert.deepEqual(await samples(metrics, /^registry_notifications/), [
    'registry_notifications_events_total{type="Events",endpoint="ci"} 5',
    'registry_notifications_events_total{type="Successes",endpoint="ci"} 1',
    'registry_notifications_events_total{type="Failures",endpoint="ci"} 2',
    'registry_notifications_events_total{type="Errors",endpoint="ci"} 3',
    'registry_notifications_events_total{type="Dropped",endpoint="ci"} 1',
    'registry_notifications_pending_total{endpoint="ci"} 3',
    'registry_notifications_status_total{code="503 Service Unavailable",endpoint="ci"} 2',
  ]);
  assert.deepEqual(await samples(metrics, /^registry_proxy.*blob/), [
    'registry_proxy_requests_total{type="blob"} 3',
    'registry_proxy_hits_total{type="blob"} 2',
    'registry_proxy_misses_total{type="blob"} 1',
    'registry_proxy_pulled_bytes_total{type="blob"} 10',
    'registry_proxy_pushed_bytes_total{type="blob"} 30',
  ]);
});

test('a timed storage is the storage, whatever its privates', async () => {
  class Small {
    #size = 7;
    usage(prefix: string): Promise<number> {
      return prefix === 'bad' ? Promise.reject(new Error('bad')) : Promise.resolve(this.#size);
    }
    notePull(): void {
      this.#size += 1;
    }
  }
  const metrics = createMetrics();
  const storage = metrics.timed(new Small() as unknown as RegistryStorage, 'filesystem');
  storage.notePull('a', 'b');
  assert.equal(await storage.usage('a'), 8);
  await assert.rejects(storage.usage('bad'), /bad/);
  assert.deepEqual(await samples(metrics, /^registry_storage_action_seconds_count/), [
    'registry_storage_action_seconds_count{driver="filesystem",action="usage"} 2',
  ]);
});

test('a request has its handler before it is answered', () => {
  const cases = {
    '/v2/': 'base',
    '/v2': 'base',
    '/v2/_catalog?n=1': 'catalog',
    '/v2/a/b/manifests/latest': 'manifest',
    '/v2/a/b/blobs/sha256:0': 'blob',
    '/v2/a/b/blobs/uploads/': 'blob_upload_chunk',
    '/v2/a/b/blobs/uploads/1?_state=x': 'blob_upload_chunk',
    '/v2/a/tags/list': 'tags',
    '/v2/a/referrers/sha256:0': 'referrers',
    '/favicon.ico': 'unknown',
  };
  for (const [path, handler] of Object.entries(cases))
    assert.equal(handlerOf(routeOfPath(path), 'GET'), handler, path);
  assert.equal(handlerOf('upload', 'POST'), 'blob_upload');
});
