/** Repositories that come from elsewhere, and connections that break. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { Readable } from 'node:stream';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertError, RegistryClient } from '../../../test/registry/conformance/client.ts';
import { type ServedRegistry, serveRegistry } from '../../../test/support/registry-parts.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { RegistryStorage, UpstreamCache } from '../registry-types.ts';

let served: ServedRegistry | undefined;
const client = new RegistryClient(() => served?.url ?? '');
afterEach(async () => {
  await served?.stop();
  served = undefined;
});
after(() => client.close());

const manifest = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);
const manifestDigest = digestOf(manifest);
const pieces = Array.from({ length: 50 }, () => randomBytes(20_000));
const blob = Buffer.concat(pieces);

interface FakeUpstream extends UpstreamCache {
  asked: string[];
  /** Bytes of the blob that were taken. */
  taken: number;
}

/** Serves `up/…`, and whatever `ns=else.where` names. */
function fakeUpstream(storage: () => RegistryStorage): FakeUpstream {
  const upstream: FakeUpstream = {
    asked: [],
    taken: 0,
    serves: (repository, namespace) => repository.startsWith('up/') || namespace === 'else.where',
    bringManifest: async (repository, reference, namespace) => {
      upstream.asked.push(`${repository} ${reference} ${namespace ?? '-'}`);
      if (reference === 'busy')
        throw new EngineError('unavailable', 'slow down', { details: { code: 'TOOMANYREQUESTS' } });
      if (reference !== 'v1') throw new EngineError('not-found', 'the upstream has none');
      const stored = { digest: manifestDigest, mediaType: mediaTypes.ociIndex, references: [], cached: true };
      await storage().putManifest(repository, stored, manifest, [reference]);
    },
    bringBlob: async (_, digest) => {
      if (digest !== digestOf(blob)) return undefined;
      const body = Readable.from(
        (function* () {
          for (const piece of pieces) {
            upstream.taken += piece.length;
            yield piece;
          }
        })(),
        { objectMode: false },
      );
      return { size: blob.length, body };
    },
    close: async () => undefined,
  };
  return upstream;
}

async function serveUpstream(): Promise<FakeUpstream> {
  const upstream = fakeUpstream(() => {
    assert.ok(served !== undefined);
    return served.storage;
  });
  served = await serveRegistry({ upstreams: upstream });
  return upstream;
}

test('Registry Proxying: manifests are brought when they are asked for, and errors of the upstream passed on', async () => {
  const upstream = await serveUpstream();
  const answer = await client.getManifest('up/a', 'v1');
  assert.deepEqual(answer.body, manifest);
  assert.equal(answer.headers['oci-namespace'], undefined);
  assertError(await client.getManifest('up/a', 'none'), 404, 'MANIFEST_UNKNOWN');
  const busy = await client.getManifest('up/a', 'busy');
  assertError(busy, 429, 'TOOMANYREQUESTS');
  assert.ok(busy.headers['retry-after'] !== undefined);
  assertError(await client.getManifest('own/a', 'v1'), 404, 'MANIFEST_UNKNOWN');
  assertError(await client.getManifest('up/a', '.bad'), 404, 'MANIFEST_UNKNOWN');
  assert.deepEqual(upstream.asked, ['up/a v1 -', 'up/a none -', 'up/a busy -']);
});

test('Registry Proxying: the ns parameter that was heeded comes back in OCI-Namespace', async () => {
  const upstream = await serveUpstream();
  const answer = await client.getManifest('a', 'v1?ns=else.where', 'HEAD');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['oci-namespace'], 'else.where');
  assert.deepEqual(upstream.asked, ['a v1 else.where']);
  assertError(await client.getManifest('a', 'v2?ns=not.here'), 404, 'MANIFEST_UNKNOWN');
});

test('Registry Proxying: blobs are streamed as they come, whole, in part, or not at all, and always taken whole', async () => {
  const upstream = await serveUpstream();
  const path = `/v2/up/a/blobs/${digestOf(blob)}`;
  const whole = await client.ask('GET', path);
  assert.equal(whole.headers['docker-content-digest'], digestOf(blob));
  assert.ok(whole.body.equals(blob));
  const part = await client.ask('GET', path, { headers: { Range: 'bytes=30000-70000' } });
  assert.equal(part.status, 206);
  assert.equal(part.headers['content-range'], `bytes 30000-70000/${blob.length}`);
  assert.ok(part.body.equals(blob.subarray(30_000, 70_001)));
  const head = await client.ask('HEAD', path);
  assert.equal(head.headers['content-length'], String(blob.length));
  const outside = await client.ask('GET', path, { headers: { Range: `bytes=${blob.length}-` } });
  assertError(outside, 416, 'SIZE_INVALID');
  await sleep(50);
  assert.equal(upstream.taken, 4 * blob.length);
  const absent = await client.ask('GET', `/v2/up/a/blobs/${digestOf('absent')}`);
  assertError(absent, 404, 'BLOB_UNKNOWN');
});

test('Registry Proxying: a repository with an upstream still takes pushes', async () => {
  await serveUpstream();
  const { data } = await client.pushImage('up/mine', 'latest');
  assert.equal((await client.ask('GET', '/v2/up/mine/tags/list')).status, 200);
  assert.equal((await served?.storage.tag('up/mine', 'latest'))?.digest, digestOf(data));
});

test('a client that goes away in mid-pull is no pull, and the registry serves on', async () => {
  served = await serveRegistry();
  const large = randomBytes(24_000_000);
  const digest = await client.pushBlob('a', large);
  served.events.length = 0;
  const asked = get(`${served.url}/v2/a/blobs/${digest}`);
  const [response] = await once(asked, 'response');
  await once(response, 'data');
  const closed = once(response, 'close').catch(() => undefined);
  response.destroy();
  await closed;
  assert.ok((await client.ask('GET', `/v2/a/blobs/${digest}`)).body.equals(large));
  await sleep(50);
  assert.deepEqual(
    served.events.map(({ action }) => action),
    ['pull'],
  );
  const lines = served.answers.filter(({ method }) => method === 'GET');
  assert.equal(lines.length, 2);
  assert.ok(lines.some(({ bytes }) => bytes === large.length));
});

test('a client that goes away in mid-push is logged, and leaves nothing behind where nobody knows of the upload', async () => {
  served = await serveRegistry();
  const socket = await client.raw([
    `POST /v2/a/blobs/uploads/?digest=${digestOf('x')} HTTP/1.1`,
    'Host: x',
    'Content-Length: 1000',
    '',
    'only a part',
  ]);
  await sleep(50);
  assert.ok(!socket.includes('201'));
  assert.equal(served.answers.length, 1);
  const { uploads } = await served.storage.collect({ grace: 0, untagged: false, dryRun: true });
  assert.equal(uploads, 0);
});
