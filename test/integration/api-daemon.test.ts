/** The daemon as a process: two of them, reload, listeners, a clean end. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callApi, RawConnection } from '../support/api-client.ts';
import { dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start({ busybox: false, hosts: ['tcp://127.0.0.1:0'], flags: ['--tls=false'] });
});
after(async () => {
  await daemon.close();
});

function gantryd(...flags: string[]) {
  return runProgram([process.execPath, 'dist/gantryd.js', ...flags], { timeout: 10_000 });
}

test('a second daemon on the same PID file, data root or socket says so and ends', async () => {
  const own = ['--exec-root', join(daemon.root, 'exec2'), '--config-file', daemon.configFile];
  const samePid = await gantryd(
    ...own,
    '--pidfile',
    join(daemon.root, 'pid'),
    '--data-root',
    join(daemon.root, 'data2'),
  );
  assert.equal(samePid.code, 1);
  assert.match(samePid.stderr, new RegExp(`process with PID ${daemon.pid} is still running`));
  const sameRoot = await gantryd(...own, '--data-root', daemon.dataRoot);
  assert.equal(sameRoot.code, 1);
  assert.match(sameRoot.stderr, /another daemon uses the data root/);
  assert.equal(existsSync(join(daemon.root, 'exec2/gantryd.pid')), false);
  assert.equal(await daemon.ping(), true);
});

test('--validate, and a file that is wrong', async () => {
  const file = join(daemon.root, 'other.json');
  writeFileSync(file, '{"debug":true,"hosts":["unix:///x"]}');
  const good = await gantryd('--validate', '--config-file', file);
  assert.deepEqual([good.code, good.stdout], [0, 'configuration OK\n']);
  const twice = await gantryd('--validate', '--config-file', file, '-H', 'unix:///y');
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /specified both as a flag and in the configuration file: hosts/);
  writeFileSync(file, '{"nonsense":1}');
  assert.match(
    (await gantryd('--validate', '--config-file', file)).stderr,
    /don't match any configuration option: nonsense/,
  );
});

test('SIGHUP takes over labels and says so in an event', async () => {
  const events = new RawConnection(daemon.socket);
  events.send('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
  await events.until(/\r\n\r\n/);
  writeFileSync(daemon.configFile, '{"labels":["a=b"],"insecure-registries":["registry.test:5000"]}');
  daemon.hangUp();
  await events.until(/"Type":"daemon","Action":"reload"/);
  events.socket.destroy();
  const info = (await callApi(daemon.socket, 'GET', '/info')).json;
  assert.deepEqual(info.Labels, ['a=b']);
  assert.ok('registry.test:5000' in info.RegistryConfig.IndexConfigs);
  writeFileSync(daemon.configFile, '{"labels":7}');
  daemon.hangUp();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual((await callApi(daemon.socket, 'GET', '/info')).json.Labels, ['a=b']);
  writeFileSync(daemon.configFile, '{}');
});

test('TCP without TLS answers, and the log warns of it', async () => {
  const port = Number(/tcp:\/\/127\.0\.0\.1:(\d+)/.exec(daemon.log())?.[1]);
  const status = await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/_ping' }, (answer) => resolve(answer.resume().statusCode))
      .on('error', reject)
      .end();
  });
  assert.equal(status, 200);
  assert.match(
    daemon.log(),
    /level=warn msg="API is accessible on http:\/\/127\.0\.0\.1:.*WITHOUT ENCRYPTION/,
  );
});

/** An authority, and a certificate for 127.0.0.1 signed by it, which serves for daemon and client alike. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder });
    assert.equal(status, 0, String(stderr));
  };
  writeFileSync(join(folder, 'ext'), 'subjectAltName=IP:127.0.0.1');
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca',
  );
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    'key.pem',
    '-out',
    'csr',
    '-subj',
    '/CN=peer',
  );
  openssl(
    'x509',
    '-req',
    '-in',
    'csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca-key.pem',
    '-CAcreateserial',
    '-extfile',
    'ext',
    '-out',
    'cert.pem',
  );
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test('with --tlsverify only clients with a certificate get in', {
  skip: !hasOpenssl && 'no openssl',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'api-tls-'));
  makeCertificates(folder);
  const files = [
    ['--tlscacert', 'ca.pem'],
    ['--tlscert', 'cert.pem'],
    ['--tlskey', 'key.pem'],
  ];
  const flags = ['--tlsverify', ...files.flatMap(([flag = '', file = '']) => [flag, join(folder, file)])];
  const secure = await TestDaemon.start({ busybox: false, hosts: ['tcp://127.0.0.1:0'], flags });
  try {
    const address = /tcp:\/\/127\.0\.0\.1:\d+/.exec(secure.log())?.[0] ?? '';
    const good = await runProgram([
      dockerCli ?? 'bin/gantry',
      '-H',
      address,
      ...flags,
      'version',
      '-f',
      '{{.Server.Version}}',
    ]);
    assert.equal(good.code, 0, good.stderr);
    const anonymous = await runProgram([
      'curl',
      '-sf',
      '--cacert',
      join(folder, 'ca.pem'),
      `${address.replace('tcp:', 'https:')}/_ping`,
    ]);
    assert.notEqual(anonymous.code, 0);
    assert.notEqual(anonymous.stdout, 'OK');
  } finally {
    await secure.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('SIGTERM ends it soon, streams open or not, and leaves neither socket nor PID file', async () => {
  const events = new RawConnection(daemon.socket);
  events.send('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
  await events.until(/\r\n\r\n/);
  const began = Date.now();
  await daemon.stop();
  assert.ok(Date.now() - began < 3000);
  await events.end();
  assert.deepEqual([existsSync(daemon.socket), existsSync(join(daemon.root, 'pid'))], [false, false]);
  await daemon.launch();
});
