/** Credentials against Debian's registry: Basic by htpasswd, Bearer by a token server, identity tokens, logging in, and what is refused. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, beforeEach, test } from 'node:test';
import type { ProgressMessage, RegistryAuth } from '../../src/images/image-types.ts';
import { buildImage, dockerArchive } from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { startFakeRegistry } from '../support/registry-fake.ts';
import { tarOf } from '../support/tar-writer.ts';
import { startTokenServer, type TokenServer } from '../support/token-server.ts';

/** User "ann", password "secret", bcrypt. */
const htpasswd = 'ann:$2b$04$CprpQBBKMYxHS/fXFSUxM.pzZMhQSeVv3qOXxezGkbI7s59IQaYue\n';
const ann: RegistryAuth = { username: 'ann', password: 'secret' };
const bob: RegistryAuth = { username: 'bob', password: 'secret' };
const wrong: RegistryAuth = { username: 'ann', password: 'wrong' };

let basic: TestRegistry;
let tokens: TokenServer;
let bearer: TestRegistry;
let rooms: ImageRooms;
before(async () => {
  tokens = await startTokenServer();
  [basic, bearer, rooms] = await Promise.all([
    startRegistry({ htpasswd }),
    startRegistry({ token: tokens.forRegistry }),
    openImageRooms(),
  ]);
});
after(async () => {
  await rooms.close();
  await Promise.all([basic.stop(), bearer.stop(), tokens.stop()]);
});
beforeEach(() => {
  tokens.requests.length = 0;
  tokens.lifetime = 300;
});

/** Loads an image of its own under `name`. */
async function load(name: string, layers = 2): Promise<void> {
  const image = buildImage({
    layers: Array.from({ length: layers }, () => tarOf([{ name: 'file', data: randomBytes(1000) }])),
  });
  await rooms.images.load(Readable.from([dockerArchive([{ image, tags: [name] }])]), () => undefined);
}

async function push(reference: string, auth?: RegistryAuth): Promise<ProgressMessage[]> {
  const messages: ProgressMessage[] = [];
  await rooms.images.push({
    reference,
    allTags: false,
    progress: (message) => messages.push(message),
    ...(auth === undefined ? {} : { auth }),
  });
  return messages;
}

function pull(reference: string, auth?: RegistryAuth): Promise<unknown> {
  return rooms.images.pull({
    reference,
    progress: () => undefined,
    ...(auth === undefined ? {} : { auth }),
  });
}

test('Basic: with a password only, in the words of Docker without', async () => {
  const name = `${basic.host}/guarded:v`;
  await load(name);
  await assert.rejects(push(name), { code: 'unauthorized', message: 'no basic auth credentials' });
  await assert.rejects(push(name, wrong), {
    code: 'unauthorized',
    message: 'unauthorized: authentication required',
  });
  await push(name, ann);
  await pull(name, ann);
  await assert.rejects(pull(name), {
    code: 'unauthorized',
    message: 'no basic auth credentials',
    hint: `log in to the registry first: docker login ${basic.host}`,
  });
  assert.equal((await rooms.images.distribution(name, ann)).platforms.length, 1);
  assert.deepEqual(
    (await rooms.images.search(`${basic.host}/guard`, 10, ann)).map((found) => found.name),
    [`${basic.host}/guarded`],
  );
  await assert.rejects(rooms.images.search(`${basic.host}/guard`, 10), { code: 'unauthorized' });
});

test('Basic: logging in', async () => {
  assert.deepEqual(await rooms.images.login(basic.host, ann), {
    status: 'Login Succeeded',
    identityToken: '',
  });
  assert.equal((await rooms.images.login(`http://${basic.host}/v1/`, ann)).status, 'Login Succeeded');
  await assert.rejects(rooms.images.login(basic.host, wrong), {
    code: 'unauthorized',
    message: `Get "http://${basic.host}/v2/": unauthorized: authentication required`,
  });
});

test('Bearer: one token for all layers, with the scopes that are needed', async () => {
  const name = `${bearer.host}/team/app:v`;
  await load(name, 4);
  await push(name, ann);
  const asked = tokens.requests.map(({ scopes, user }) => [user, ...scopes]);
  assert.deepEqual(asked, [['ann', 'repository:team/app:pull,push']]);
  // Anybody may pull, without a name too.
  await rooms.images.remove(name, { force: true, prune: true, usedBy: () => undefined });
  tokens.requests.length = 0;
  await pull(name);
  assert.deepEqual(
    tokens.requests.map(({ scopes, user }) => [user, ...scopes]),
    [['', 'repository:team/app:pull']],
  );
});

test('Bearer: a mount asks for leave to pull from the other repository too', async () => {
  const name = `${bearer.host}/mount/a:v`;
  await load(name);
  await push(name, ann);
  rooms.images.tag(name, `${bearer.host}/mount/b:v`);
  tokens.requests.length = 0;
  const messages = await push(`${bearer.host}/mount/b:v`, ann);
  assert.equal(messages.filter(({ status }) => status === 'Mounted from mount/a').length, 2);
  assert.deepEqual(
    tokens.requests.map(({ scopes }) => scopes.join(' ')),
    ['repository:mount/b:pull,push', 'repository:mount/b:pull,push repository:mount/a:pull'],
  );
});

test('Bearer: no leave to push', async () => {
  const name = `${bearer.host}/not/yours:v`;
  await load(name);
  for (const auth of [undefined, bob]) {
    await assert.rejects(push(name, auth), (error: Error & { code: string }) => {
      assert.match(
        error.message,
        /^(denied: requested access to the resource is denied|unauthorized: authentication required)$/,
      );
      return ['forbidden', 'unauthorized'].includes(error.code);
    });
  }
  await assert.rejects(push(name, wrong), {
    code: 'unauthorized',
    message: 'unauthorized: incorrect username or password',
  });
});

test('Bearer: logging in gives an identity token, which works in place of the password', async () => {
  const login = await rooms.images.login(bearer.host, ann);
  assert.deepEqual(login, { status: 'Login Succeeded', identityToken: 'identity-of-ann' });
  assert.equal(tokens.requests[0]?.parameters['offline_token'], 'true');
  tokens.requests.length = 0;
  const name = `${bearer.host}/team/identity:v`;
  await load(name);
  await push(name, { identityToken: login.identityToken });
  assert.deepEqual(
    tokens.requests.map(({ method, user, parameters }) => [method, user, parameters['grant_type']]),
    [['POST', 'ann', 'refresh_token']],
  );
  await assert.rejects(rooms.images.login(bearer.host, wrong), {
    code: 'unauthorized',
    message: `Get "http://${bearer.host}/v2/": unauthorized: incorrect username or password`,
  });
});

test('Bearer: a token that runs out in mid-push is renewed, before it does and after', async () => {
  const name = `${bearer.host}/team/short:v`;
  await load(name, 3);
  // Said to be over at once: each request after the first second needs a new one.
  tokens.lifetime = 1;
  await push(name, ann);
  assert.ok(tokens.requests.length >= 1);

  const fake = await startFakeRegistry();
  try {
    let issued = 0;
    let uploads = 0;
    let valid = 't1';
    const seen: string[] = [];
    fake.intercept = (request, response) => {
      const { method, url = '', headers } = request;
      const reply = (status: number, more: Record<string, string> = {}, body = ''): true => {
        request.resume();
        response.writeHead(status, more);
        response.end(body);
        return true;
      };
      if (url.startsWith('/token')) {
        issued += 1;
        valid = `t${issued}`;
        return reply(200, {}, `{"token":"${valid}","expires_in":300}`);
      }
      seen.push(`${method} ${headers.authorization ?? ''}`);
      if (headers.authorization !== `Bearer ${valid}`) {
        const challenge = `Bearer realm="${fake.url}/token",service="s",error="invalid_token"`;
        return reply(401, { 'www-authenticate': challenge });
      }
      if (method === 'HEAD') return reply(404);
      if (method === 'POST') return reply(202, { location: '/v2/x/blobs/uploads/1' });
      if (url === '/v2/') return reply(200);
      uploads += 1;
      // The registry forgets the token once, in the middle.
      if (uploads === 2) valid = 'none';
      return reply(201);
    };
    await load(`${fake.host}/x:v`, 3);
    await push(`${fake.host}/x:v`, ann);
    assert.equal(issued, 2);
    assert.ok(seen.includes('PUT Bearer t1') && seen.includes('PUT Bearer t2'));
  } finally {
    await fake.stop();
  }
});

test('credentials never go to a token server in the clear where the registry itself is safe', async () => {
  const { Authorizer } = await import('../../src/images/registry/authorizer.ts');
  const { Transport } = await import('../../src/images/registry/transport.ts');
  const transport = new Transport(() => ({ mirrors: [], insecureRegistries: [] }));
  try {
    const authorizer = new Authorizer({ transport, auth: ann, isInsecure: false });
    const challenge = { scheme: 'bearer', parameters: { realm: `${tokens.url}/token`, service: 's' } };
    await authorizer.answer([challenge], new URL('https://registry.example/v2/'), [], undefined);
    assert.deepEqual(
      tokens.requests.map(({ user }) => user),
      [''],
    );
  } finally {
    await transport.close();
  }
});
