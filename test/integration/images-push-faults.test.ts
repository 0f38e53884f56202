/** Pushes that break off, are cancelled, refused or too many at once, to Debian's registry, to Gantry's own and to one that misbehaves. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import type { ProgressMessage, PushRequest } from '../../src/images/image-types.ts';
import { startBreakingProxy } from '../support/breaking-proxy.ts';
import { digestOf, type FixtureImage } from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { loadInto, type Pushed, pullInto, pushFrom, randomImage } from '../support/push-pull.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { startFakeRegistry } from '../support/registry-fake.ts';
import { serveRegistry } from '../support/registry-parts.ts';

let registry: TestRegistry;
let rooms: ImageRooms;
before(async () => {
  registry = await startRegistry();
});
after(() => registry.stop());
beforeEach(async () => {
  rooms = await openImageRooms();
});
afterEach(() => rooms.close());

const push = (reference: string, more: Partial<PushRequest> = {}): Promise<Pushed> =>
  pushFrom(rooms, reference, more);
const load = (image: FixtureImage, ...tags: string[]): Promise<void> => loadInto(rooms, image, tags);
const pull = (reference: string): Promise<void> => pullInto(rooms, reference);

/** Digest of a manifest as a registry has it. */
async function digestAt(url: string, repository: string, tag: string): Promise<string> {
  const accept = 'application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  assert.equal(answer.status, 200);
  return digestOf(Buffer.from(await answer.arrayBuffer()));
}

test('an upload that breaks goes on where it was, with a registry that keeps what came', async () => {
  const own = await serveRegistry();
  const proxy = await startBreakingProxy(Number(new URL(own.url).port));
  try {
    const image = randomImage([8_000_000]);
    await load(image, `${proxy.host}/big:v`);
    proxy.breakAfter(3_000_000, 4_000_000);
    const { tags } = await push(`${proxy.host}/big:v`);
    assert.equal(proxy.broken, 2);
    // 8 MB, and what was on the way when it broke; 15 MB if nothing were kept.
    assert.ok(proxy.up < 13_000_000, `${proxy.up} bytes were sent`);
    assert.equal(await digestAt(own.url, 'big', 'v'), tags[0]?.digest);
    await rooms.images.remove(`${proxy.host}/big:v`, { force: true, prune: true, usedBy: () => undefined });
    await pull(`${proxy.host}/big:v`);
    assert.equal(rooms.images.get(`${proxy.host}/big:v`).id, image.config.digest);
  } finally {
    await proxy.stop();
    await own.stop();
  }
});

test('a push that another one left undone goes on with its upload, also after a restart', async () => {
  const own = await serveRegistry();
  const proxy = await startBreakingProxy(Number(new URL(own.url).port));
  try {
    // Compressed for another registry before: while it is not yet, nobody knows what to go on with.
    const elsewhere = `${new URL(registry.url).host}/left:v`;
    await load(randomImage([8_000_000]), `${proxy.host}/left:v`, elsewhere);
    await push(elsewhere);
    const left = new AbortController();
    proxy.breakAfter(6_000_000);
    const started = push(`${proxy.host}/left:v`, {
      signal: left.signal,
      progress: () => proxy.broken > 0 && left.abort(),
    });
    const gone = setInterval(() => proxy.broken > 0 && left.abort(), 5);
    await assert.rejects(started, { code: 'cancelled' });
    clearInterval(gone);
    await rooms.reopen();
    proxy.up = 0;
    const { tags } = await push(`${proxy.host}/left:v`);
    assert.ok(proxy.up < 7_500_000, `${proxy.up} bytes were sent again`);
    assert.equal(await digestAt(own.url, 'left', 'v'), tags[0]?.digest);
  } finally {
    await proxy.stop();
    await own.stop();
  }
});

test('and begins anew with one that does not', async () => {
  const proxy = await startBreakingProxy(Number(new URL(registry.url).port));
  try {
    await load(randomImage([6_000_000]), `${proxy.host}/anew:v`);
    proxy.breakAfter(3_000_000);
    const { tags } = await push(`${proxy.host}/anew:v`);
    assert.equal(proxy.broken, 1);
    assert.equal(await digestAt(registry.url, 'anew', 'v'), tags[0]?.digest);
  } finally {
    await proxy.stop();
  }
});

test('busy registries are asked again; what they refuse is told in their words, and once', async () => {
  const fake = await startFakeRegistry();
  try {
    await load(randomImage([3_000_000]), `${fake.host}/busy:v`);
    let patches = 0;
    fake.intercept = (request, response) => {
      const { method, url = '' } = request;
      const answer = (status: number, headers: Record<string, string> = {}, body = ''): true => {
        request.resume();
        response.writeHead(status, headers);
        response.end(body);
        return true;
      };
      if (url === '/v2/') return answer(200);
      if (method === 'HEAD') return answer(404);
      if (method === 'POST') return answer(202, { location: '/v2/busy/blobs/uploads/1' });
      if (method === 'GET') return answer(204, { location: '/v2/busy/blobs/uploads/1', range: '0-0' });
      if (method === 'PATCH') {
        patches += 1;
        if (patches < 3) return answer(patches === 1 ? 503 : 429, { 'retry-after': '0.1' });
        return answer(202, { location: '/v2/busy/blobs/uploads/1' });
      }
      if (url.includes('/manifests/'))
        return answer(400, {}, '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}');
      return answer(201);
    };
    await assert.rejects(
      push(`${fake.host}/busy:v`),
      (error) => isEngineError(error) && error.message === 'manifest invalid: manifest invalid',
    );
    assert.equal(patches, 3);
    assert.deepEqual(rooms.images.get(`${fake.host}/busy:v`).repoDigests, []);
    fake.requests.length = 0;
    const cancelled = new AbortController();
    fake.intercept = () => {
      cancelled.abort();
      return true;
    };
    await assert.rejects(push(`${fake.host}/busy:v`, { signal: cancelled.signal }), { code: 'cancelled' });
    assert.equal(fake.requests.length, 1);
  } finally {
    await fake.stop();
  }
});

test('not more than five layers at a time over all pushes; a failing one ends the others', async () => {
  const fake = await startFakeRegistry();
  try {
    await load(randomImage(Array.from({ length: 9 }, () => 2000)), `${fake.host}/many:v`);
    let running = 0;
    let most = 0;
    let uploads = 0;
    fake.intercept = (request, response) => {
      const { method, url = '' } = request;
      const answer = (status: number, headers: Record<string, string> = {}): void => {
        response.writeHead(status, headers);
        response.end('{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}');
      };
      if (url === '/v2/') answer(200);
      else if (method === 'HEAD') answer(404);
      else if (method === 'POST') answer(202, { location: '/v2/many/blobs/uploads/1' });
      else {
        running += 1;
        uploads += 1;
        most = Math.max(most, running);
        request.resume().on('end', () =>
          setTimeout(() => {
            running -= 1;
            answer(uploads > 6 ? 403 : 201);
          }, 40),
        );
      }
      return true;
    };
    const messages: ProgressMessage[] = [];
    await assert.rejects(push(`${fake.host}/many:v`, { progress: (message) => messages.push(message) }), {
      code: 'forbidden',
      message: 'denied: requested access to the resource is denied',
    });
    assert.equal(most, 5);
    assert.equal(messages.filter(({ status }) => status === 'Waiting').length, 4);
    assert.ok(!fake.requests.some(({ path }) => path.includes('/manifests/')));
  } finally {
    await fake.stop();
  }
});
