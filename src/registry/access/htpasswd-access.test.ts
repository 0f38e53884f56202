import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { EngineError } from '../../errors/engine-error.ts';
import type { AccessRule } from '../config/registry-config.ts';
import type { AccessRequest, RegistryAction } from '../registry-types.ts';
import { type Access, createAccess } from './create-access.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-htpasswd-'));
const opened: Access[] = [];
after(async () => {
  for (const access of opened) await access.close();
  rmSync(directory, { recursive: true });
});

const lines: Array<{ facts: object; message: string }> = [];
const log = { warn: (facts: object, message: string) => void lines.push({ facts, message }) };
/** The least cost that bcrypt knows: the tests are about what is asked, not how long it takes. */
const hashOf = (password: string): string => hashSync(password, 4);

let files = 0;

function htpasswd(users: Record<string, string>): string {
  const path = join(directory, `users-${files++}`);
  writeFileSync(
    path,
    `# users\n\n${Object.entries(users)
      .map(([user, hash]) => `${user}:${hash}\n`)
      .join('')}`,
  );
  return path;
}

async function open(path: string, access: AccessRule[] = [], catalogUsers: string[] = []): Promise<Access> {
  const http = {
    listen: { port: 0 },
    prefix: '',
    host: '',
    relativeUrls: false,
    drainTimeout: 0,
    headers: {},
  };
  const opening = await createAccess(
    { auth: { kind: 'htpasswd', realm: 'Test "realm"', path }, access, catalogUsers, http },
    log,
  );
  opened.push(opening);
  return opening;
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const to = (name: string, ...actions: RegistryAction[]): AccessRequest[] => [
  { type: 'repository', name, actions },
];

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    return error;
  }
  assert.fail('it was let through');
}

test('who has the password may do everything, others are asked for one', async () => {
  const { controller, tokenService } = await open(htpasswd({ ann: hashOf('secret') }));
  assert.equal(tokenService, undefined);
  const { name } = await controller.authorize(
    basic('ann', 'secret'),
    to('any/thing', 'pull', 'push', 'delete'),
  );
  assert.equal(name, 'ann');
  assert.equal(await controller.mayPull({ name: 'ann' }, 'any/thing'), true);
  for (const header of [undefined, basic('ann', 'wrong'), basic('bob', 'secret'), 'Basic !', 'Bearer x']) {
    const { code, details } = await failure(controller.authorize(header, to('a', 'pull'), 'http://r'));
    assert.equal(code, 'unauthorized', header);
    assert.equal(details['challenge'], 'Basic realm="Test \\"realm\\""');
  }
});

test('a password may hold colons and letters of any alphabet', async () => {
  const { controller } = await open(htpasswd({ ann: hashOf('a:b:ü') }));
  assert.equal((await controller.authorize(basic('ann', 'a:b:ü'), [])).name, 'ann');
});

test('only bcrypt counts', async () => {
  const path = htpasswd({
    sha: '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
    plain: 'password',
    md5: '$apr1$x$y',
    ann: hashOf('ok'),
  });
  const { controller } = await open(path);
  for (const user of ['sha', 'plain', 'md5'])
    assert.equal((await failure(controller.authorize(basic(user, 'password'), []))).code, 'unauthorized');
  assert.equal((await controller.authorize(basic('ann', 'ok'), [])).name, 'ann');
  assert.ok(lines.some(({ message }) => message.includes('without a bcrypt hash')));
});

test('the file is read again when it changes, and the last good one counts when it is broken', async () => {
  const path = htpasswd({ ann: hashOf('one') });
  const { controller } = await open(path);
  const rewrite = (text: string, seconds: number): void => {
    writeFileSync(path, text);
    utimesSync(path, seconds, seconds);
  };
  assert.equal((await controller.authorize(basic('ann', 'one'), [])).name, 'ann');
  rewrite(`ann:${hashOf('two')}\nbob:${hashOf('three')}\n`, 1000);
  assert.equal((await failure(controller.authorize(basic('ann', 'one'), []))).code, 'unauthorized');
  assert.equal((await controller.authorize(basic('ann', 'two'), [])).name, 'ann');
  assert.equal((await controller.authorize(basic('bob', 'three'), [])).name, 'bob');
  rewrite('no line of a password file\n', 2000);
  assert.equal((await controller.authorize(basic('ann', 'two'), [])).name, 'ann');
  assert.ok(lines.some(({ message }) => message.includes('the users stay')));
});

test('a file that is missing is made, with a password that only the log tells', async () => {
  const path = join(directory, 'new/folder/htpasswd');
  const { controller } = await open(path);
  const line = lines.find(({ message }) => message.includes('provisioning with default user'));
  const password = String(Reflect.get(line?.facts ?? {}, 'password'));
  assert.equal((await controller.authorize(basic('docker', password), [])).name, 'docker');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(!readFileSync(path, 'utf8').includes(password));
});

test('the event loop is free while passwords are checked, and a right one is checked once', async () => {
  const { controller } = await open(htpasswd({ ann: hashSync('slow', 10) }));
  let longest = 0;
  let last = performance.now();
  const ticker = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 2);
  const asked = Array.from({ length: 50 }, () => controller.authorize(basic('ann', 'slow'), []));
  await Promise.all([...asked, failure(controller.authorize(basic('ann', 'fast'), []))]);
  clearInterval(ticker);
  const started = performance.now();
  for (let i = 0; i < 200; i++) await controller.authorize(basic('ann', 'slow'), []);
  const each = (performance.now() - started) / 200;
  assert.ok(each < 5, `${each} ms for a password that is known`);
  assert.ok(longest < 300, `the loop stood still for ${longest} ms`);
});

const rules: AccessRule[] = [
  { anonymous: true, users: [], repositories: ['public/**'], actions: ['pull'] },
  { anonymous: false, users: ['ann', 'ci'], repositories: ['team/**'], actions: ['push'] },
  { anonymous: false, users: ['*'], repositories: ['shared'], actions: ['pull'] },
  { anonymous: false, users: ['root'], repositories: ['**'], actions: ['*'] },
];
const users = { ann: hashOf('a'), bob: hashOf('b'), root: hashOf('r') };

test('rules say who may do what where', async () => {
  const { controller } = await open(htpasswd(users), rules);
  const may = async (user: string | undefined, access: AccessRequest[]): Promise<boolean> =>
    controller.authorize(user === undefined ? undefined : basic(user, user.slice(0, 1)), access).then(
      () => true,
      () => false,
    );
  assert.equal(await may(undefined, to('public/alpine', 'pull')), true);
  assert.equal(await may('bob', to('public/alpine', 'pull')), true);
  assert.equal(await may(undefined, to('public/alpine', 'pull', 'push')), false);
  assert.equal(await may(undefined, to('team/app', 'pull')), false);
  assert.equal(await may('ann', to('team/app', 'pull', 'push')), true);
  assert.equal(await may('ann', to('team/app', 'delete')), false);
  assert.equal(await may('ann', to('teams/app', 'push')), false);
  assert.equal(await may('bob', to('team/app', 'pull')), false);
  assert.equal(await may('bob', to('shared', 'pull')), true);
  assert.equal(await may('root', to('any', 'pull', 'push', 'delete')), true);
  assert.equal(await controller.mayPull({ name: '' }, 'public/x'), true);
  assert.equal(await controller.mayPull({ name: '' }, 'team/x'), false);
});

test('someone known who may not is refused for good, someone unknown is asked who they are', async () => {
  const { controller } = await open(htpasswd(users), rules);
  const known = await failure(
    controller.authorize(basic('bob', 'b'), to('team/app', 'push'), 'http://r:5000'),
  );
  assert.equal(known.code, 'forbidden');
  assert.match(known.message, /bob may not push team\/app/);
  const unknown = await failure(
    controller.authorize(undefined, to('team/app', 'pull', 'push'), 'http://r:5000'),
  );
  assert.equal(
    unknown.details['challenge'],
    'Bearer realm="http://r:5000/v2/token",service="Test \\"realm\\"",scope="repository:team/app:pull,push"',
  );
});

test('the registry gives out tokens, so that docker can come without a password', async () => {
  const path = htpasswd(users);
  const { controller, tokenService } = await open(path, rules);
  assert.ok(tokenService);
  assert.equal((await failure(controller.authorize(undefined, [], 'http://r'))).code, 'unauthorized');
  const anonymous = await tokenService.issue(undefined);
  assert.equal(anonymous.token, anonymous.access_token);
  const nobody = `Bearer ${anonymous.token}`;
  assert.equal((await controller.authorize(nobody, [])).name, '');
  assert.equal((await controller.authorize(nobody, to('public/a', 'pull'))).name, '');
  assert.equal(
    (await failure(controller.authorize(nobody, to('team/a', 'pull'), 'http://r'))).code,
    'unauthorized',
  );
  const ann = `Bearer ${(await tokenService.issue(basic('ann', 'a'))).token}`;
  assert.equal((await controller.authorize(ann, to('team/a', 'push'))).name, 'ann');
  assert.equal((await failure(tokenService.issue(basic('ann', 'b')))).code, 'unauthorized');
  assert.equal((await failure(controller.authorize(`${ann}x`, to('team/a', 'push')))).code, 'unauthorized');
  writeFileSync(path, `ann:${hashOf('new')}\n`);
  utimesSync(path, 1000, 1000);
  assert.equal((await failure(controller.authorize(ann, to('team/a', 'push')))).code, 'unauthorized');
});

test('the list of repositories is for everyone who may pull something, or for those who are named', async () => {
  const list: AccessRequest[] = [{ type: 'registry', name: 'catalog', actions: ['*'] }];
  const all = await open(htpasswd(users), rules);
  assert.equal((await all.controller.authorize(undefined, list)).name, '');
  assert.equal((await all.controller.authorize(basic('bob', 'b'), list)).name, 'bob');
  const some = await open(htpasswd(users), rules, ['root']);
  assert.equal((await failure(some.controller.authorize(undefined, list))).code, 'unauthorized');
  assert.equal((await failure(some.controller.authorize(basic('bob', 'b'), list))).code, 'forbidden');
  assert.equal((await some.controller.authorize(basic('root', 'r'), list)).name, 'root');
});
