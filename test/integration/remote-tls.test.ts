/** The daemon over TCP with TLS: client certificates on both sides, each client against it, and what is said when a certificate is wrong. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CertificateFiles, makeAuthority, makeCertificate } from '../support/certificates.ts';
import { type CommandResult, dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-tls-'));
const authority = makeAuthority(folder, 'ca');
const otherAuthority = makeAuthority(folder, 'other-ca');
const server = makeCertificate(folder, 'server', authority);
const client = makeCertificate(folder, 'client', authority);
const stranger = makeCertificate(folder, 'stranger', otherAuthority);
const expired = makeCertificate(folder, 'expired', authority, undefined, { expired: true });
const serverOnly = makeCertificate(folder, 'server-only', authority, undefined, { usage: 'serverAuth' });
const clients = ['bin/gantry', ...(dockerCli === undefined ? [] : [dockerCli])];

let daemon: TestDaemon;
let address: string;
before(async () => {
  daemon = await TestDaemon.start({
    hosts: ['tcp://127.0.0.1:0'],
    config: {
      tlsverify: true,
      tlscacert: authority.certificate,
      tlscert: server.certificate,
      tlskey: server.key,
    },
  });
  address = /tcp:\/\/127\.0\.0\.1:\d+/.exec(daemon.log())?.[0] ?? '';
});
after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true });
});

function flagsOf(ca: CertificateFiles, own?: CertificateFiles): string[] {
  const pair = own === undefined ? [] : ['--tlscert', own.certificate, '--tlskey', own.key];
  return ['--tlsverify', '--tlscacert', ca.certificate, ...pair];
}

/** No configuration of the user's is read. */
function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<CommandResult> {
  return runProgram([program, ...args], { env: { DOCKER_CONFIG: join(folder, 'none'), ...env } });
}

for (const program of clients) {
  test(`${program}: with certificates of one authority everything goes, streams too`, async () => {
    const flags = ['-H', address, ...flagsOf(authority, client)];
    const echo = ['run', '--rm', '-i', '--network', 'none', 'busybox', 'cat'];
    const { code, stdout, stderr } = await runProgram([program, ...flags, ...echo], {
      input: 'x'.repeat(300_000),
    });
    assert.deepEqual([code, stdout.length, stderr], [0, 300_000, '']);
  });

  test(`${program}: flags, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, and the files in the config folder`, async () => {
    const certificates = join(folder, 'certs');
    mkdirSync(certificates, { recursive: true });
    cpSync(authority.certificate, join(certificates, 'ca.pem'));
    cpSync(client.certificate, join(certificates, 'cert.pem'));
    cpSync(client.key, join(certificates, 'key.pem'));
    const byPath = await run(program, ['ps', '-q'], {
      DOCKER_HOST: address,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: certificates,
    });
    assert.deepEqual(byPath, { code: 0, stdout: '', stderr: '' });
    const byFolder = await run(program, ['-H', address, '--tlsverify', 'ps', '-q'], {
      DOCKER_CONFIG: certificates,
    });
    assert.deepEqual(byFolder, { code: 0, stdout: '', stderr: '' });
    const unverified = await run(program, ['ps', '-q'], {
      DOCKER_HOST: address,
      DOCKER_TLS: '1',
      DOCKER_CERT_PATH: certificates,
    });
    assert.deepEqual(unverified, { code: 0, stdout: '', stderr: '' });
  });

  test(`${program}: what is wrong with a certificate is said`, async () => {
    const cases: ReadonlyArray<readonly [flags: string[], message: RegExp]> = [
      [flagsOf(otherAuthority, client), /not signed by an authority that you trust|unknown authority/],
      [flagsOf(authority), /a client certificate that the daemon trusts is required/],
      [
        flagsOf(authority, stranger),
        /"stranger" is not signed by an authority|that the daemon trusts is required/,
      ],
      [flagsOf(authority, expired), /the client certificate of "expired" has expired/],
      [flagsOf(authority, serverOnly), /"server-only" is not for clients/],
      [[], /Client sent an HTTP request to an HTTPS server/],
    ];
    for (const [flags, message] of cases) {
      const { code, stdout, stderr } = await run(program, ['-H', address, ...flags, 'ps', '-q']);
      assert.deepEqual([code, stdout], [1, ''], `${flags.join(' ')}: ${stderr}`);
      assert.match(stderr, message);
    }
  });
}

test('gantry: another name than the certificate has, and files that are no pair', async () => {
  const elsewhere = makeCertificate(folder, 'elsewhere', authority, ['elsewhere.example']);
  const other = await TestDaemon.start({
    busybox: false,
    hosts: ['tcp://127.0.0.1:0'],
    flags: ['--tls', '--tlsverify=false', '--tlscert', elsewhere.certificate, '--tlskey', elsewhere.key],
  });
  try {
    const host = /tcp:\/\/127\.0\.0\.1:\d+/.exec(other.log())?.[0] ?? '';
    const named = await run('bin/gantry', ['-H', host, ...flagsOf(authority), 'ps']);
    assert.match(named.stderr, /the daemon's certificate is for another name\n/);
    const anonymous = await run('bin/gantry', ['-H', host, '--tls', 'ps', '-q']);
    assert.deepEqual(
      anonymous,
      { code: 0, stdout: '', stderr: '' },
      'tlsverify=false demands no certificate',
    );
    const mixed = ['--tlscert', client.certificate, '--tlskey', stranger.key];
    const pair = await run('bin/gantry', ['-H', host, ...flagsOf(authority), ...mixed, 'ps']);
    assert.match(pair.stderr, /private key does not match public key/);
    const missing = await run('bin/gantry', ['-H', host, '--tlsverify', 'ps']);
    assert.match(missing.stderr, /could not read TLS file .*none\/ca\.pem: ENOENT/);
  } finally {
    await other.close();
  }
});

test('a daemon that speaks no TLS is told from one that is not there', async () => {
  const plain = await TestDaemon.start({
    busybox: false,
    hosts: ['tcp://127.0.0.1:0'],
    flags: ['--tls=false'],
  });
  try {
    const host = /tcp:\/\/127\.0\.0\.1:\d+/.exec(plain.log())?.[0] ?? '';
    assert.match(plain.log(), /API is accessible on http:\/\/127\.0\.0\.1:0 WITHOUT ENCRYPTION/);
    const info = await run('bin/gantry', ['-H', host, 'info', '-f', '{{.Warnings}}']);
    assert.match(info.stdout, /API is accessible on http:\/\/127\.0\.0\.1:0 without encryption/);
    const { code, stderr } = await run('bin/gantry', ['-H', host, ...flagsOf(authority, client), 'ps']);
    assert.equal(code, 1);
    assert.match(stderr, /http: server gave HTTP response to HTTPS client\nThe daemon speaks no TLS there/);
  } finally {
    await plain.close();
  }
});

test('a daemon does not start with a certificate that is of no use', async () => {
  const start = (certificate: string, key: string) =>
    runProgram([
      ...[
        process.execPath,
        'dist/gantryd.js',
        '--data-root',
        join(folder, 'd'),
        '--exec-root',
        join(folder, 'e'),
      ],
      ...['--config-file', '/dev/null', '--bridge', 'none', '-H', 'tcp://127.0.0.1:0', '--tlsverify'],
      ...['--tlscacert', authority.certificate, '--tlscert', certificate, '--tlskey', key],
    ]);
  const old = await start(expired.certificate, expired.key);
  assert.equal(old.code, 1);
  assert.match(old.stderr, /the certificate .*expired\.pem has expired/);
  const mixed = await start(server.certificate, client.key);
  assert.equal(mixed.code, 1);
  assert.match(mixed.stderr, /could not load X509 key pair or authority: .*key values mismatch/);
});

test('SIGHUP renews certificates: new connections see them, those that there are go on; unusable files change nothing', async () => {
  const files = {
    certificate: join(folder, 'renewed.pem'),
    key: join(folder, 'renewed.key'),
    ca: join(folder, 'renewed-ca.pem'),
  };
  const put = (pair: CertificateFiles, trusted: CertificateFiles): void => {
    cpSync(pair.certificate, files.certificate);
    cpSync(pair.key, files.key);
    cpSync(trusted.certificate, files.ca);
  };
  put(server, authority);
  const flags = [
    '--tlsverify',
    '--tlscacert',
    files.ca,
    '--tlscert',
    files.certificate,
    '--tlskey',
    files.key,
  ];
  const other = await TestDaemon.start({ hosts: ['tcp://127.0.0.1:0'], flags });
  const host = /tcp:\/\/127\.0\.0\.1:\d+/.exec(other.log())?.[0] ?? '';
  const hangUp = async (word: RegExp): Promise<void> => {
    const before = other.log().length;
    other.hangUp();
    for (let waited = 0; !word.test(other.log().slice(before)); waited += 20) {
      assert.ok(waited < 5000, other.log().slice(before));
      await sleep(20);
    }
  };
  try {
    const talk = ['run', '--rm', '-i', '--network', 'none', 'busybox', 'cat'];
    const running = spawn('bin/gantry', ['-H', host, ...flagsOf(authority, client), ...talk]);
    const echoed = text(running.stdout);
    running.stdin.write('before\n');
    await once(running.stdout, 'readable');
    put(makeCertificate(folder, 'second', otherAuthority), otherAuthority);
    await hangUp(/Reloaded configuration/);
    running.stdin.end('after\n');
    assert.equal(await echoed, 'before\nafter\n', 'a connection of before goes on');
    const strangers = await run('bin/gantry', ['-H', host, ...flagsOf(otherAuthority, stranger), 'ps', '-q']);
    assert.deepEqual(strangers, { code: 0, stdout: '', stderr: '' });
    const old = await run('bin/gantry', ['-H', host, ...flagsOf(authority, client), 'ps', '-q']);
    assert.match(old.stderr, /not signed by an authority that you trust/);
    for (const [pair, why] of [
      [{ certificate: server.certificate, key: client.key }, /old ones serve on: .*key values mismatch/],
      [expired, /old ones serve on: the certificate .* has expired/],
    ] as const) {
      put(pair, authority);
      await hangUp(why);
      const still = await run('bin/gantry', ['-H', host, ...flagsOf(otherAuthority, stranger), 'ps', '-q']);
      assert.equal(still.code, 0, still.stderr);
    }
  } finally {
    await other.close();
  }
});
