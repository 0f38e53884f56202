/** Who may do what, quotas, read-only mode, and what is told to listeners and the access log. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertError,
  locationOf,
  RegistryClient,
  withQuery,
} from '../../../test/registry/conformance/client.ts';
import {
  type ServedOptions,
  type ServedRegistry,
  serveRegistry,
} from '../../../test/support/registry-parts.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { digestOf } from '../../oci/digest.ts';
import type { AccessController, AccessRequest, PushPolicy } from '../registry-types.ts';

let served: ServedRegistry | undefined;
const client = new RegistryClient(() => served?.url ?? '');

async function serve(options: ServedOptions): Promise<ServedRegistry> {
  served = await serveRegistry(options);
  return served;
}

afterEach(async () => {
  await served?.stop();
  served = undefined;
});
after(() => client.close());

describe('access', () => {
  const challenge = 'Basic realm="test"';

  /** `Authorization` is a user's name: `reader` may pull, `writer` may push and pull but not from `secret`, nobody else anything. */
  function controller(seen: AccessRequest[][] = []): AccessController {
    return {
      authorize: async (authorization, accesses) => {
        seen.push([...accesses]);
        if (authorization === undefined)
          throw new EngineError('unauthorized', 'authentication required', { details: { challenge } });
        const wanted = accesses.flatMap(({ actions }) => actions);
        if (authorization === 'reader' && wanted.some((action) => action !== 'pull'))
          throw new EngineError('forbidden', 'reader may only pull');
        return { name: authorization };
      },
      mayPull: async ({ name }, repository) => name === 'admin' || repository !== 'secret',
    };
  }

  test('without credentials, every endpoint is 401 with the challenge, HEAD too', async () => {
    await serve({ access: controller() });
    const digest = digestOf('x');
    const paths: Array<[string, string]> = [
      ['GET', '/v2/'],
      ['GET', '/v2/_catalog'],
      ['GET', '/v2/a/tags/list'],
      ['GET', '/v2/a/manifests/v1'],
      ['PUT', '/v2/a/manifests/v1'],
      ['DELETE', '/v2/a/manifests/v1'],
      ['GET', `/v2/a/blobs/${digest}`],
      ['DELETE', `/v2/a/blobs/${digest}`],
      ['GET', `/v2/a/referrers/${digest}`],
      ['POST', '/v2/a/blobs/uploads/'],
      ['PATCH', '/v2/a/blobs/uploads/x'],
      ['PUT', '/v2/a/blobs/uploads/x'],
      ['GET', '/v2/a/blobs/uploads/x'],
      ['DELETE', '/v2/a/blobs/uploads/x'],
    ];
    for (const [method, path] of paths) {
      const answer = await client.ask(method, path);
      assertError(answer, 401, 'UNAUTHORIZED');
      assert.equal(answer.headers['www-authenticate'], challenge, path);
    }
    const head = await client.ask('HEAD', '/v2/a/manifests/v1');
    assert.equal(head.status, 401);
    assert.equal(head.headers['www-authenticate'], challenge);
    assert.equal((await client.ask('GET', '/')).status, 200, 'whether it is alive, everyone may know');
  });

  test('each endpoint asks for the rights that it needs', async () => {
    const seen: AccessRequest[][] = [];
    await serve({ access: controller(seen) });
    const headers = { Authorization: 'admin' };
    const repository = { type: 'repository', name: 'a/b' };
    const expected: Array<[method: string, path: string, accesses: unknown[]]> = [
      ['GET', '/v2/', []],
      ['GET', '/v2/_catalog', [{ type: 'registry', name: 'catalog', actions: ['*'] }]],
      ['GET', '/v2/a/b/tags/list', [{ ...repository, actions: ['pull'] }]],
      ['HEAD', '/v2/a/b/manifests/v1', [{ ...repository, actions: ['pull'] }]],
      ['PUT', '/v2/a/b/manifests/v1', [{ ...repository, actions: ['pull', 'push'] }]],
      ['DELETE', '/v2/a/b/manifests/v1', [{ ...repository, actions: ['delete'] }]],
      ['POST', '/v2/a/b/blobs/uploads/', [{ ...repository, actions: ['pull', 'push'] }]],
      ['DELETE', '/v2/a/b/blobs/uploads/x', [{ ...repository, actions: ['pull', 'push'] }]],
    ];
    for (const [method, path, accesses] of expected) {
      await client.ask(method, path, { headers });
      assert.deepEqual(seen.at(-1), accesses, path);
    }
  });

  test('someone known who may not gets DENIED, in mid-upload too, and reads the answer', async () => {
    await serve({ access: controller() });
    const headers = { Authorization: 'reader' };
    const post = await client.ask('POST', '/v2/a/blobs/uploads/', { headers });
    assert.equal(assertError(post, 403, 'DENIED').message, 'reader may only pull');
    const patch = await client.ask('PATCH', '/v2/a/blobs/uploads/x', {
      headers,
      body: [randomBytes(3_000_000)],
    });
    assertError(patch, 403, 'DENIED');
  });

  test('a mount needs the right to pull from the other repository, and begins an upload without it', async () => {
    const { storage, events } = await serve({ access: controller() });
    const digest = await put(storage, 'secret', 'layer');
    for (const from of [{ from: 'secret' }, {}]) {
      const path = withQuery('/v2/a/blobs/uploads/', { mount: digest, ...from });
      const writer = await client.ask('POST', path, { headers: { Authorization: 'writer' } });
      assert.equal(writer.status, 202, JSON.stringify(from));
    }
    const path = withQuery('/v2/a/blobs/uploads/', { mount: digest, from: 'secret' });
    const admin = await client.ask('POST', path, { headers: { Authorization: 'admin' } });
    assert.equal(admin.status, 201);
    assert.deepEqual(
      events.map(({ action, fromRepository, repository }) => [action, fromRepository, repository]),
      [['mount', 'secret', 'a']],
    );
  });

  test('the catalogue shows what may be pulled, in whole pages', async () => {
    await serve({ access: controller() });
    const headers = { Authorization: 'admin' };
    for (const name of ['a', 'secret', 'z']) await putEmptyManifest(name, headers);
    const names = async (user: string): Promise<string[]> => {
      const answer = await client.ask('GET', '/v2/_catalog?n=2', { headers: { Authorization: user } });
      return JSON.parse(answer.body.toString()).repositories;
    };
    assert.deepEqual(await names('admin'), ['a', 'secret']);
    assert.deepEqual(await names('writer'), ['a', 'z']);
  });
});

async function put(storage: ServedRegistry['storage'], repository: string, content: string): Promise<string> {
  const upload = await storage.beginUpload(repository);
  await upload.write(Buffer.from(content));
  return (await upload.commit(digestOf(content))).digest;
}

async function putEmptyManifest(
  repository: string,
  headers: Record<string, string> = {},
  tag = 'v1',
): Promise<number> {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const answer = await client.ask('PUT', `/v2/${repository}/manifests/${tag}`, {
    headers: { ...headers, 'Content-Type': mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [], annotations: { tag } }),
  });
  return answer.status;
}

describe('settings', () => {
  test('read-only: everything that changes something is 405, pulls go on', async () => {
    const { storage } = await serve({ settings: { readOnly: true } });
    const digest = await put(storage, 'a', 'layer');
    const changing: Array<[string, string]> = [
      ['POST', '/v2/a/blobs/uploads/'],
      ['PUT', '/v2/a/manifests/v1'],
      ['DELETE', '/v2/a/manifests/v1'],
      ['DELETE', `/v2/a/blobs/${digest}`],
      ['PATCH', '/v2/a/blobs/uploads/x'],
    ];
    for (const [method, path] of changing) assertError(await client.ask(method, path), 405, 'UNSUPPORTED');
    assert.equal((await client.ask('GET', `/v2/a/blobs/${digest}`)).body.toString(), 'layer');
  });

  test('Content Management: disabled deletions are 405 for tags, manifests and blobs; uploads may be cancelled', async () => {
    const { storage } = await serve({ settings: { deletes: false } });
    const digest = await put(storage, 'a', 'layer');
    await putEmptyManifest('a');
    for (const path of ['manifests/v1', `manifests/${digest}`, `blobs/${digest}`]) {
      const { detail } = assertError(await client.ask('DELETE', `/v2/a/${path}`), 405, 'UNSUPPORTED');
      assert.match(String(detail?.['hint']), /REGISTRY_STORAGE_DELETE_ENABLED/);
    }
    const location = await client.startUpload('a');
    assert.equal((await client.ask('DELETE', location)).status, 204);
  });

  test('Location is where the client came from, through a proxy too, or what the settings say', async () => {
    const post = async (headers: Record<string, string> = {}): Promise<string> =>
      locationOf(await client.ask('POST', '/v2/a/blobs/uploads/', { headers }));
    const direct = await serve({});
    assert.ok((await post()).startsWith(`${direct.url}/v2/a/blobs/uploads/`));
    const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'registry.example.org' };
    assert.match(await post(forwarded), /^https:\/\/registry\.example\.org\/v2\//);
    await direct.stop();
    const relative = await serve({ settings: { relativeUrls: true } });
    assert.match(await post(), /^\/v2\/a\/blobs/);
    await relative.stop();
    await serve({ settings: { host: 'https://other.example.org/', prefix: '/registry' } });
    const answer = await client.ask('POST', '/registry/v2/a/blobs/uploads/');
    assert.match(locationOf(answer), /^https:\/\/other\.example\.org\/registry\/v2\/a\//);
    assert.equal((await client.ask('GET', '/v2/')).status, 404);
  });

  test('configured headers are sent with every answer, errors too; requests have ids', async () => {
    await serve({ settings: { headers: { 'X-One': ['1', '2'] } } });
    for (const path of ['/v2/', '/v2/a/tags/list', '/nothing']) {
      const answer = await client.ask('GET', path);
      assert.equal(answer.headers['x-one'], '1, 2');
      assert.match(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/);
    }
    const own = await client.ask('GET', '/v2/', { headers: { 'X-Request-Id': 'mine-1' } });
    assert.equal(own.headers['x-request-id'], 'mine-1');
    const options = await client.ask('OPTIONS', '/v2/a/manifests/v1');
    assert.equal(options.status, 200);
    assert.equal(options.headers.allow, 'GET, PUT, DELETE, HEAD, OPTIONS');
  });

  test('foreign URLs are bounded where the settings bound them', async () => {
    await serve({ settings: { foreignUrls: { allow: [/^https:\/\/good\./], deny: [/bad/] } } });
    const config = await client.pushBlob('a', '{}');
    const manifest = (url: string): string =>
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
        layers: [
          {
            mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
            digest: digestOf('elsewhere'),
            size: 9,
            urls: [url],
          },
        ],
      });
    for (const url of ['https://evil.example', 'https://good.example/bad'])
      assertError(await client.putManifest('a', 'v1', manifest(url)), 400, 'MANIFEST_INVALID');
    assert.equal((await client.putManifest('a', 'v1', manifest('https://good.example/x'))).status, 201);
  });
});

describe('quotas', () => {
  function policyOf(limit: number): PushPolicy & { asked: number[] } {
    const asked: number[] = [];
    return {
      asked,
      checkPush: async (_, bytes) => {
        asked.push(bytes);
        if (bytes > limit) throw new EngineError('forbidden', `quota allows ${limit} bytes`);
      },
      checkTag: async (_, tag) => {
        if (tag === 'fixed') throw new EngineError('forbidden', 'tag fixed is immutable');
      },
    };
  }

  test('what is too large is DENIED: at once where its size is known, in between where it is streamed', async () => {
    const policy = policyOf(1_000_000);
    const { storage } = await serve({ policy });
    const large = randomBytes(1_000_001);
    const path = withQuery('/v2/a/blobs/uploads/', { digest: digestOf(large) });
    assertError(await client.ask('POST', path, { body: large }), 403, 'DENIED');
    const location = await client.startUpload('a');
    assertError(await client.ask('PATCH', location, { body: large }), 403, 'DENIED');
    const pieces = Array.from({ length: 40 }, () => randomBytes(1_000_000));
    const streamed = await client.ask('PATCH', location, { body: pieces });
    assert.equal(assertError(streamed, 403, 'DENIED').message, 'quota allows 1000000 bytes');
    const id = new URL(location).pathname.split('/').at(-1) ?? '';
    const { offset = 0 } = (await storage.uploadStatus('a', id)) ?? {};
    assert.ok(offset < 20_000_000, `stopped after ${offset} bytes`);
  });

  test('manifests and tags are asked about, deletions of a manifest for each of its tags', async () => {
    const { storage } = await serve({ policy: policyOf(1000) });
    assert.equal(await putEmptyManifest('a', {}, 'free'), 201);
    assert.equal(await putEmptyManifest('a', {}, 'fixed'), 403);
    assert.equal((await client.ask('DELETE', '/v2/a/manifests/fixed')).status, 403);
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const data = Buffer.from('{}');
    const digest = digestOf(data);
    await storage.putManifest('a', { digest, mediaType, references: [] }, data, ['fixed']);
    assert.equal((await client.ask('DELETE', `/v2/a/manifests/${digest}`)).status, 403);
    assert.equal((await client.ask('DELETE', '/v2/a/manifests/free')).status, 202);
  });
});

describe('events and the access log', () => {
  test('pushes, pulls and deletions are told once they succeeded, failures never', async () => {
    const { events } = await serve({});
    const blob = await client.pushBlob('a', 'layer');
    const image = await client.pushImage('a', 'v1');
    await client.getManifest('a', 'v1');
    await client.getManifest('a', 'v1', 'HEAD');
    await client.getManifest('a', 'none');
    await client.ask('GET', `/v2/a/blobs/${blob}`);
    await client.ask('DELETE', `/v2/a/blobs/${blob}`);
    await client.ask('DELETE', '/v2/a/manifests/v1');
    await client.ask('DELETE', `/v2/a/manifests/${image.digest}`);
    await sleep(20);
    const told = events.map(({ action, digest, tag }) => [action, digest, tag]);
    assert.deepEqual(told, [
      ['push', blob, undefined],
      ['push', image.config, undefined],
      ['push', image.layer, undefined],
      ['push', image.digest, 'v1'],
      ['pull', image.digest, 'v1'],
      ['pull', blob, undefined],
      ['delete', blob, undefined],
      ['delete', undefined, 'v1'],
      ['delete', image.digest, undefined],
    ]);
    const pushed = events.find(({ digest }) => digest === image.digest);
    assert.deepEqual(
      pushed?.references?.map(({ digest }) => digest),
      [image.config, image.layer],
    );
    assert.equal(pushed?.request.method, 'PUT');
    assert.match(pushed?.request.address ?? '', /^127\.0\.0\.1:\d+$/);
  });

  test('every request has its line: route, status, bytes, who and how', async () => {
    const { answers, storage } = await serve({});
    const digest = await put(storage, 'a', 'layer');
    const headers = { 'User-Agent': 'test/1', 'X-Forwarded-For': '192.0.2.7, 10.0.0.1' };
    await client.ask('GET', `/v2/a/blobs/${digest}?x=y`, { headers });
    await client.ask('HEAD', `/v2/a/blobs/${digest}`);
    await client.ask('GET', '/v2/a/manifests/none');
    await client.ask('POST', '/v2/a/blobs/uploads/');
    await sleep(20);
    assert.deepEqual(
      answers.map(({ method, route, status }) => [method, route, status]),
      [
        ['GET', 'blob', 200],
        ['HEAD', 'blob', 200],
        ['GET', 'manifest', 404],
        ['POST', 'upload', 202],
      ],
    );
    const [first, second] = answers;
    assert.equal(first?.path, `/v2/a/blobs/${digest}`);
    assert.deepEqual([first?.bytes, second?.bytes], [5, 0]);
    assert.deepEqual([first?.address, first?.userAgent], ['192.0.2.7', 'test/1']);
    assert.ok((first?.milliseconds ?? -1) >= 0);
  });

  test('an unexpected error of the storage is 500, and gives nothing away', async () => {
    const { storage, answers } = await serve({});
    const fault = new Error('a secret of the disk');
    storage.tag = async () => {
      throw fault;
    };
    const answer = await client.getManifest('a', 'v1');
    assertError(answer, 500, 'UNKNOWN');
    assert.ok(!answer.body.toString().includes('secret'));
    await sleep(20);
    assert.equal(answers[0]?.fault, fault, 'the log may know');
    assertError(await client.getManifest('a', 'sha256:bad'), 400, 'DIGEST_INVALID');
    await sleep(20);
    assert.equal(answers[1]?.fault, undefined);
  });
});
