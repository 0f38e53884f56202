/** Who may do what at gantry-registry, as skopeo and the docker CLI see it: passwords, rules for nobody in particular, a token server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';
import { buildBusyboxImage, ociArchive } from '../support/image-fixtures.ts';
import { RegistryProcess } from '../support/registry-process.ts';
import { startTokenServer, type TokenServer } from '../support/token-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-access-'));
const archive = join(directory, 'busybox.tar');
before(() => writeFileSync(archive, ociArchive([{ image: buildBusyboxImage(), name: 'busybox:latest' }])));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Users "ann" and "bob", password "secret", bcrypt. */
const hash = '$2b$04$CprpQBBKMYxHS/fXFSUxM.pzZMhQSeVv3qOXxezGkbI7s59IQaYue';

function skopeo(...words: string[]): Promise<CommandResult> {
  return runProgram(['skopeo', '--insecure-policy', ...words], { timeout: 30_000 });
}

function push(host: string, repository: string, user?: string): Promise<CommandResult> {
  const login = user === undefined ? ['--dest-no-creds'] : ['--dest-creds', user];
  return skopeo(
    'copy',
    '--dest-tls-verify=false',
    ...login,
    `oci-archive:${archive}`,
    `docker://${host}/${repository}`,
  );
}

function inspect(host: string, repository: string, user?: string): Promise<CommandResult> {
  const login = user === undefined ? ['--no-creds'] : ['--creds', user];
  return skopeo('inspect', '--raw', '--tls-verify=false', ...login, `docker://${host}/${repository}`);
}

function succeeded({ code, stderr }: CommandResult): void {
  assert.equal(code, 0, stderr);
}

function refused({ code, stderr }: CommandResult, pattern: RegExp): void {
  assert.notEqual(code, 0);
  assert.match(stderr, pattern);
}

describe('an htpasswd file', () => {
  let registry: RegistryProcess;
  let users: string;
  before(async () => {
    users = join(directory, 'htpasswd');
    writeFileSync(users, `ann:${hash}\n`);
    registry = await RegistryProcess.start({
      config: { auth: { htpasswd: { realm: 'here', path: users } } },
    });
  });
  after(() => registry.close());

  test('lets in who has the password', async () => {
    succeeded(await push(registry.host, 'team/app:v1', 'ann:secret'));
    succeeded(await inspect(registry.host, 'team/app:v1', 'ann:secret'));
    refused(await inspect(registry.host, 'team/app:v1'), /authentication required|unauthorized/i);
    refused(
      await push(registry.host, 'team/app:v1', 'ann:wrong'),
      /authentication required|unauthorized|invalid username/i,
    );
    await registry.untilAnswered(/^127\.0\.0\.1 - ann \[.*"PUT \/v2\/team\/app\/manifests\/v1 /m);
  });

  test('counts as it is now', async () => {
    refused(
      await inspect(registry.host, 'team/app:v1', 'bob:secret'),
      /authentication required|unauthorized|invalid username/i,
    );
    writeFileSync(users, `ann:${hash}\nbob:${hash}\n`);
    succeeded(await inspect(registry.host, 'team/app:v1', 'bob:secret'));
  });
});

describe('rules', () => {
  let registry: RegistryProcess;
  before(async () => {
    const users = join(directory, 'rules-htpasswd');
    writeFileSync(users, `ann:${hash}\nbob:${hash}\n`);
    registry = await RegistryProcess.start({
      config: {
        auth: { htpasswd: { realm: 'here', path: users } },
        gantry: {
          access: [
            { anonymous: true, repositories: 'public/**', actions: 'pull' },
            { users: 'ann', repositories: ['public/**', 'team/**'], actions: ['push'] },
          ],
        },
      },
    });
    succeeded(await push(registry.host, 'public/app:v1', 'ann:secret'));
    succeeded(await push(registry.host, 'team/app:v1', 'ann:secret'));
  });
  after(() => registry.close());

  test('nobody in particular pulls what is public, and nothing else', async () => {
    succeeded(await inspect(registry.host, 'public/app:v1'));
    refused(await inspect(registry.host, 'team/app:v1'), /authentication required|unauthorized/i);
    refused(await push(registry.host, 'public/app:v2'), /authentication required|unauthorized/i);
    const list = await fetch(`${registry.url}/v2/_catalog`);
    assert.deepEqual(await list.json(), { repositories: ['public/app'] });
  });

  test('someone known is told that they may not', async () => {
    refused(await push(registry.host, 'team/app:v2', 'bob:secret'), /denied|forbidden/i);
    succeeded(await inspect(registry.host, 'public/app:v1', 'bob:secret'));
    refused(await inspect(registry.host, 'team/app:v1', 'bob:secret'), /denied|forbidden/i);
  });

  test('the docker CLI comes with and without a password', {
    skip: dockerCli === undefined && 'no docker CLI',
  }, async () => {
    const daemon = await TestDaemon.start({ busybox: false });
    const { host } = registry;
    const env = { DOCKER_CONFIG: join(directory, 'docker') };
    try {
      await daemon.ok(['pull', `${host}/public/app:v1`], { env });
      refused(await daemon.docker(['pull', `${host}/team/app:v1`], { env }), /unauthorized|denied/);
      await daemon.ok(['tag', `${host}/public/app:v1`, `${host}/team/copy`]);
      refused(await daemon.docker(['push', `${host}/team/copy`], { env }), /unauthorized|denied/);
      refused(
        await daemon.docker(['login', host, '-u', 'ann', '--password-stdin'], { env, input: 'wrong' }),
        /incorrect username or password|unauthorized/,
      );
      await daemon.ok(['login', host, '-u', 'ann', '--password-stdin'], { env, input: 'secret' });
      await daemon.ok(['push', `${host}/team/copy`], { env });
      await daemon.ok(['pull', `${host}/team/app:v1`], { env });
    } finally {
      await daemon.close();
    }
  });
});

describe('a token server', () => {
  let tokens: TokenServer;
  let registry: RegistryProcess;
  before(async () => {
    tokens = await startTokenServer();
    const bundle = join(directory, 'root.pem');
    const { realm, service, issuer, rootCertificate } = tokens.forRegistry;
    writeFileSync(bundle, rootCertificate);
    registry = await RegistryProcess.start({
      config: { auth: { token: { realm, service, issuer, rootcertbundle: bundle } } },
    });
  });
  after(async () => {
    await registry.close();
    await tokens.stop();
  });

  test('says who may push, and who may pull', async () => {
    succeeded(await push(registry.host, 'team/app:v1', 'ann:secret'));
    assert.ok(
      tokens.requests.some(({ scopes }) =>
        scopes.some((scope) => /^repository:team\/app:.*push/.test(scope)),
      ),
    );
    refused(await push(registry.host, 'team/app:v2', 'bob:secret'), /denied|unauthorized|authentication/i);
    succeeded(await inspect(registry.host, 'team/app:v1', 'bob:secret'));
  });

  test('a token is needed for everything', async () => {
    const answer = await fetch(`${registry.url}/v2/team/app/manifests/v1`);
    await answer.arrayBuffer();
    assert.equal(answer.status, 401);
    assert.match(
      answer.headers.get('www-authenticate') ?? '',
      /^Bearer realm="http:.*",service=".*",scope="repository:team\/app:pull"$/,
    );
  });
});
