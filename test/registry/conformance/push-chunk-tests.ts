/** distribution-spec, "Pushing a blob in chunks": order, ranges, state, and Docker's streamed form. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../../src/oci/digest.ts';
import { type Answer, assertError, locationOf, type RegistryClient, withQuery } from './client.ts';

export function pushChunkTests(client: RegistryClient): void {
  orderTests(client);
  faultTests(client);
  streamTests(client);
  interruptionTests(client);
}

async function patch(client: RegistryClient, location: string, range: string, body: Buffer): Promise<Answer> {
  return await client.ask('PATCH', location, {
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Range': range },
    body,
  });
}

function assertProgress(answer: Answer, status: number, range: string): string {
  assert.equal(answer.status, status, answer.body.toString());
  assert.equal(answer.headers.range, range);
  return locationOf(answer);
}

/** Large enough for a registry that names a minimum. */
async function chunkSize(client: RegistryClient): Promise<number> {
  const begun = await client.ask('POST', `/v2/${client.repository()}/blobs/uploads/`);
  await client.ask('DELETE', locationOf(begun));
  return Math.max(1000, Number(begun.headers['oci-chunk-min-length'] ?? 0));
}

function orderTests(client: RegistryClient): void {
  test('Pushing a blob in chunks (end-5, end-6): each chunk is 202 with Location and Range, the end 201', async () => {
    const repository = client.repository();
    const size = await chunkSize(client);
    const data = randomBytes(size * 2 + 100);
    const digest = digestOf(data);
    let location = await client.startUpload(repository);
    const first = await patch(client, location, `0-${size - 1}`, data.subarray(0, size));
    location = assertProgress(first, 202, `0-${size - 1}`);
    const second = await patch(client, location, `${size}-${2 * size - 1}`, data.subarray(size, 2 * size));
    location = assertProgress(second, 202, `0-${2 * size - 1}`);
    const last = await patch(client, location, `${2 * size}-${data.length - 1}`, data.subarray(2 * size));
    location = assertProgress(last, 202, `0-${data.length - 1}`);
    const created = await client.ask('PUT', withQuery(location, { digest }));
    assert.equal(created.status, 201);
    assert.ok((await client.ask('GET', locationOf(created))).body.equals(data));
  });

  test('Pushing a blob in chunks (end-6): the last chunk may come with the PUT, with or without Content-Range', async () => {
    const size = await chunkSize(client);
    for (const withRange of [true, false]) {
      const repository = client.repository();
      const data = randomBytes(size + 10);
      const location = await client.startUpload(repository);
      const next = locationOf(await patch(client, location, `0-${size - 1}`, data.subarray(0, size)));
      const created = await client.ask('PUT', withQuery(next, { digest: digestOf(data) }), {
        headers: withRange ? { 'Content-Range': `${size}-${data.length - 1}` } : {},
        body: data.subarray(size),
      });
      assert.equal(created.status, 201, created.body.toString());
      assert.ok((await client.ask('GET', locationOf(created))).body.equals(data));
    }
  });

  test('Pushing a blob in chunks (end-13): GET tells where to go on, 204 with Location and Range', async () => {
    const location = await client.startUpload(client.repository());
    const fresh = await client.ask('GET', location);
    assert.equal(fresh.status, 204);
    const size = await chunkSize(client);
    const next = locationOf(await patch(client, location, `0-${size - 1}`, randomBytes(size)));
    assertProgress(await client.ask('GET', next), 204, `0-${size - 1}`);
  });

  test('Pushing a blob in chunks: out-of-order chunk is 416, and the upload goes on from where it was', async () => {
    const repository = client.repository();
    const size = await chunkSize(client);
    const data = randomBytes(2 * size);
    const location = await client.startUpload(repository);
    const [head, tail] = [data.subarray(0, size), data.subarray(size)];
    const early = await patch(client, location, `${size}-${2 * size - 1}`, tail);
    assert.equal(early.status, 416);
    const next = assertProgress(await patch(client, location, `0-${size - 1}`, head), 202, `0-${size - 1}`);
    for (const range of [`0-${size - 1}`, `${size + 1}-${2 * size}`, `${size - 1}-${2 * size - 2}`]) {
      const wrong = await patch(client, next, range, tail);
      assertError(wrong, 416, 'BLOB_UPLOAD_INVALID');
    }
    const status = assertProgress(await client.ask('GET', next), 204, `0-${size - 1}`);
    assert.equal((await patch(client, status, `${size}-${2 * size - 1}`, tail)).status, 202);
    const created = await client.ask('PUT', withQuery(status, { digest: digestOf(data) }));
    assert.equal(created.status, 201);
  });

  test('Pushing a blob in chunks: an out-of-order last chunk in the PUT is 416', async () => {
    const location = await client.startUpload(client.repository());
    const body = randomBytes(100);
    const answer = await client.ask('PUT', withQuery(location, { digest: digestOf(body) }), {
      headers: { 'Content-Range': '5-104' },
      body,
    });
    assertError(answer, 416, 'BLOB_UPLOAD_INVALID');
    assert.equal((await client.ask('GET', location)).status, 204);
  });
}

function faultTests(client: RegistryClient): void {
  test('Pushing a blob in chunks: a malformed Content-Range is 400', async () => {
    const location = await client.startUpload(client.repository());
    for (const range of ['0', 'a-b', '9-0', '-5', '5-', '0-1-2', `0-${'9'.repeat(30)}`])
      assertError(await patch(client, location, range, Buffer.alloc(10)), 400, 'BLOB_UPLOAD_INVALID');
    assert.equal((await patch(client, location, '0-9', Buffer.alloc(10))).status, 202);
  });

  test('Pushing a blob in chunks: a chunk of another length than its range is SIZE_INVALID, announced or streamed', async () => {
    const location = await client.startUpload(client.repository());
    for (const length of [9, 11])
      assertError(await patch(client, location, '0-9', Buffer.alloc(length)), 400, 'SIZE_INVALID');
    const headers = { 'Content-Range': '0-9' };
    const more = await client.ask('PATCH', location, { headers, body: [Buffer.alloc(11)] });
    assertError(more, 400, 'SIZE_INVALID');
    const less = await client.ask('PATCH', location, { headers, body: [Buffer.alloc(4)] });
    assertError(less, 400, 'SIZE_INVALID');
  });

  test('Pushing a blob in chunks (end-6): the digest is that of the whole, not of the last chunk', async () => {
    const size = await chunkSize(client);
    const location = await client.startUpload(client.repository());
    const next = locationOf(await patch(client, location, `0-${size - 1}`, randomBytes(size)));
    const last = randomBytes(10);
    const answer = await client.ask('PUT', withQuery(next, { digest: digestOf(last) }), { body: last });
    assertError(answer, 400, 'DIGEST_INVALID');
  });
}

function streamTests(client: RegistryClient): void {
  test('Pushing a blob as Docker does: one streamed PATCH without Content-Range and Content-Length, then an empty PUT', async () => {
    const repository = client.repository();
    const pieces = [randomBytes(300_000), randomBytes(1), randomBytes(70_000)];
    const data = Buffer.concat(pieces);
    const location = await client.startUpload(repository);
    const patched = await client.ask('PATCH', location, { body: pieces });
    const next = assertProgress(patched, 202, `0-${data.length - 1}`);
    assert.ok(patched.headers['docker-upload-uuid'] !== undefined);
    const created = await client.ask('PUT', withQuery(next, { digest: digestOf(data) }));
    assert.equal(created.status, 201);
    assert.ok((await client.ask('GET', locationOf(created))).body.equals(data));
  });
}

function interruptionTests(client: RegistryClient): void {
  test('Resumable Push: what came before the connection broke is kept, and the client goes on after it', async () => {
    const repository = client.repository();
    const data = randomBytes(3_000_000);
    const location = new URL(await client.startUpload(repository), client.url).href;
    const sent = 2_000_000;
    const broken = request(location, { method: 'PATCH', headers: { 'Content-Length': data.length } });
    broken.on('error', () => undefined);
    broken.write(data.subarray(0, sent));
    await sleep(300);
    const closed = new Promise((resolve) => broken.once('close', resolve));
    broken.destroy();
    await closed;
    const offset = await untilKept(client, location);
    assert.ok(offset > 0 && offset <= sent, String(offset));
    const rest = await patch(client, location, `${offset}-${data.length - 1}`, data.subarray(offset));
    assertProgress(rest, 202, `0-${data.length - 1}`);
    const created = await client.ask('PUT', withQuery(locationOf(rest), { digest: digestOf(data) }));
    assert.equal(created.status, 201);
  });

  test('Resumable Push: an upload that another request is busy with is not torn', async () => {
    const repository = client.repository();
    const location = new URL(await client.startUpload(repository), client.url).href;
    const slow = request(location, { method: 'PATCH', headers: { 'Content-Length': 2000 } });
    const answered = once(slow, 'response');
    slow.write(Buffer.alloc(1000, 'a'));
    await sleep(100);
    const other = client.ask('PATCH', location, { body: Buffer.alloc(10, 'b') });
    await sleep(100);
    slow.end(Buffer.alloc(1000, 'a'));
    const [response] = await answered;
    response.resume();
    assert.equal(response.statusCode, 202);
    assertProgress(await other, 202, '0-2009');
    const data = Buffer.concat([Buffer.alloc(2000, 'a'), Buffer.alloc(10, 'b')]);
    const created = await client.ask('PUT', withQuery(location, { digest: digestOf(data) }));
    assert.equal(created.status, 201);
  });
}

/** The offset, once the registry has seen that the client is gone. */
async function untilKept(client: RegistryClient, location: string): Promise<number> {
  for (let waited = 0; waited < 5000; waited += 50) {
    const status = await client.ask('GET', location);
    assert.equal(status.status, 204);
    const end = Number(/^0-(\d+)$/.exec(status.headers.range ?? '')?.[1] ?? 0);
    if (end > 0) return end + 1;
    await sleep(50);
  }
  return 0;
}
