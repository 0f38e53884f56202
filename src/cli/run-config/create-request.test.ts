/** Flags of run and create become the request that docker's client would send. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { parseFlags } from '../flags/parse-flags.ts';
import { containerFlags } from './container-flags.ts';
import { createRequest } from './create-request.ts';
import { splitCsv } from './csv.ts';
import { mountOf } from './mount-flag.ts';
import { parsePorts } from './ports.ts';

function request(...args: string[]) {
  const { flags, positional } = parseFlags(containerFlags, args, false);
  const [image = '', ...command] = positional;
  return createRequest(flags, image, command);
}

test('process: command, entry point, streams, user', () => {
  const { Cmd, Entrypoint, AttachStdin, OpenStdin, StdinOnce, Tty, User } = request(
    '-it',
    '-u',
    '1:2',
    'busybox',
    'ls',
    '-l',
  );
  assert.deepEqual(
    [Cmd, Entrypoint, AttachStdin, OpenStdin, StdinOnce, Tty, User],
    [['ls', '-l'], null, true, true, true, true, '1:2'],
  );
  assert.deepEqual(request('--entrypoint', '', 'busybox').Entrypoint, ['']);
  const attached = request('-a', 'stdout', 'busybox');
  assert.deepEqual(
    [attached.AttachStdin, attached.AttachStdout, attached.AttachStderr],
    [false, true, false],
  );
});

test('resources in the units of the API', () => {
  const { HostConfig } = request(
    '-m',
    '64m',
    '--memory-swap',
    '-1',
    '--cpus',
    '1.5',
    '--pids-limit',
    '9',
    '--ulimit',
    'nofile=1:2',
    'x',
  );
  assert.equal(HostConfig?.Memory, 67_108_864);
  assert.equal(HostConfig?.MemorySwap, -1);
  assert.equal(HostConfig?.NanoCpus, 1.5e9);
  assert.equal(HostConfig?.PidsLimit, 9);
  assert.deepEqual(HostConfig?.Ulimits, [{ Name: 'nofile', Hard: 2, Soft: 1 }]);
});

test('environment: given, from the caller, from a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-env-'));
  const file = join(folder, 'env');
  writeFileSync(file, '\uFEFF# comment\nA=1\n  B=x y \nGANTRY_TEST_OWN\nGANTRY_TEST_NONE\n\n');
  process.env['GANTRY_TEST_OWN'] = 'own';
  try {
    const { Env } = request(
      '-e',
      'C=3',
      '-e',
      'GANTRY_TEST_OWN',
      '-e',
      'GANTRY_TEST_NONE',
      '--env-file',
      file,
      'x',
    );
    assert.deepEqual(Env, [
      'A=1',
      'B=x y ',
      'GANTRY_TEST_OWN=own',
      'C=3',
      'GANTRY_TEST_OWN=own',
      'GANTRY_TEST_NONE',
    ]);
    writeFileSync(file, 'A B=1\n');
    assert.throws(() => request('--env-file', file, 'x'), { message: /variable 'A B' contains whitespaces/ });
  } finally {
    delete process.env['GANTRY_TEST_OWN'];
    rmSync(folder, { recursive: true });
  }
});

test('volumes, mounts and tmpfs', () => {
  const { HostConfig, Volumes } = request(
    '-v',
    '/a:/b:ro',
    '-v',
    'vol:/c',
    '-v',
    '/anon',
    '-v',
    './rel:/d',
    '--tmpfs',
    '/t:size=1m',
    'x',
  );
  assert.deepEqual(HostConfig?.Binds, ['/a:/b:ro', 'vol:/c', `${process.cwd()}/rel:/d`]);
  assert.deepEqual(Volumes, { '/anon': {} });
  assert.deepEqual(HostConfig?.Tmpfs, { '/t': 'size=1m' });
  assert.deepEqual(mountOf('type=bind,"src=/a,b",dst=/c,ro,bind-propagation=shared'), {
    Type: 'bind',
    Source: '/a,b',
    Target: '/c',
    ReadOnly: true,
    BindOptions: { Propagation: 'shared' },
  });
  assert.deepEqual(mountOf('type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770').TmpfsOptions, {
    SizeBytes: 1_048_576,
    Mode: 0o1770,
  });
});

test('ports in all their forms', () => {
  const { bindings, exposed } = parsePorts(
    ['80', '8080:81/udp', '127.0.0.1:90-91:90-91', '[::1]::7', '8000-8010:82'],
    ['95-96/udp'],
  );
  assert.deepEqual(bindings, {
    '80/tcp': [{ HostIp: '', HostPort: '' }],
    '81/udp': [{ HostIp: '', HostPort: '8080' }],
    '90/tcp': [{ HostIp: '127.0.0.1', HostPort: '90' }],
    '91/tcp': [{ HostIp: '127.0.0.1', HostPort: '91' }],
    '7/tcp': [{ HostIp: '::1', HostPort: '' }],
    '82/tcp': [{ HostIp: '', HostPort: '8000-8010' }],
  });
  assert.deepEqual(
    Object.keys(exposed).filter((port) => port.startsWith('9')),
    ['90/tcp', '91/tcp', '95/udp', '96/udp'],
  );
  for (const text of ['', 'x', '80:x', '99999:80', '1-2:1-3', '80/zork', 'zork:1:2', '1:2:3:4']) {
    assert.throws(
      () => parsePorts([text], []),
      (error) => isEngineError(error, 'invalid-argument'),
      text,
    );
  }
});

test('networks: the first is the mode, and takes --ip and --link', () => {
  const { HostConfig, NetworkingConfig } = request(
    '--network',
    'a',
    '--network',
    'name=b,alias=q',
    '--ip',
    '10.0.0.9',
    '--link',
    'x:y',
    'i',
  );
  assert.equal(HostConfig?.NetworkMode, 'a');
  const endpoints = NetworkingConfig?.EndpointsConfig;
  assert.deepEqual(endpoints?.['a']?.IPAMConfig, { IPv4Address: '10.0.0.9' });
  assert.deepEqual(endpoints?.['a']?.Links, ['x:y']);
  assert.deepEqual(endpoints?.['b']?.Aliases, ['q']);
  assert.deepEqual(request('--network', 'host', 'i').NetworkingConfig, { EndpointsConfig: {} });
});

test('flags that exclude each other, and values that cannot be', () => {
  const refused: ReadonlyArray<readonly [args: string[], message: string]> = [
    [['--rm', '--restart', 'always'], 'conflicting options: cannot specify both --restart and --rm'],
    [['--no-healthcheck', '--health-cmd', 'x'], '--no-healthcheck conflicts with --health-* options'],
    [['--health-interval', '-1s'], '--health-interval cannot be negative'],
    [['--network', 'a', '--network', 'a'], 'network "a" is specified multiple times'],
    [['--pid', 'zork'], '--pid: invalid PID mode'],
    [['--memory-swappiness', '200'], 'invalid value: 200. Valid memory swappiness range is 0-100'],
    [['-v', '/a:/b:c:d'], 'invalid spec: /a:/b:c:d: too many colons'],
    [['--device', 'a:b:c:d'], 'bad format for path: a:b:c:d'],
    [['--security-opt', 'foo'], 'Invalid --security-opt: "foo"'],
    [['--restart', 'on-failure:x'], 'invalid restart policy format: maximum retry count must be an integer'],
  ];
  for (const [args, message] of refused) assert.throws(() => request(...args, 'busybox'), { message });
});

test('CSV: quotes guard commas', () => {
  assert.deepEqual(splitCsv('a=1,"b=2,3","c=""q"""'), ['a=1', 'b=2,3', 'c="q"']);
  assert.deepEqual(splitCsv('a,'), ['a', '']);
  assert.throws(() => splitCsv('a,"b'));
});

test('any text of -p and --mount is taken or refused as the user’s error', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[-0-9:.[\]a-z/,="]{0,20}$/), (text) => {
      for (const parse of [() => parsePorts([text], []), () => parsePorts([], [text]), () => mountOf(text)]) {
        try {
          parse();
        } catch (error) {
          assert.ok(isEngineError(error, 'invalid-argument'), `${text}: ${String(error)}`);
        }
      }
    }),
  );
});
