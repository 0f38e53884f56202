/** Published ports by the command lines: ranges, -P, sources, the daemon's defaults and their reload, and a daemon whose rules iptables writes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());
afterEach(() => daemon.removeAll());

const ok = (...args: string[]): Promise<string> => daemon.ok(args);
/** Says one line to whoever connects. */
const server = ['nc', '-ll', '-p', '80', '-e', 'echo', 'here'];

/** Waits until the server of a container listens: `run -d` answers before that. */
async function listens(name: string, run: (...args: string[]) => Promise<string> = ok): Promise<void> {
  // A listening socket at port 80 (proc(5), /proc/net/tcp: state 0A).
  const look = 'until grep -q ":0050 [0:]* 0A" /proc/net/tcp /proc/net/tcp6; do sleep 0.02; done';
  await run('exec', name, 'timeout', '10', 'sh', '-c', look);
}

/** What a port of the host says first, or why it says nothing. */
async function hear(port: number, host = '127.0.0.1'): Promise<string> {
  const socket = connect({ port, host });
  socket.setTimeout(1500, () => socket.destroy(new Error('timeout')));
  try {
    const [data] = await once(socket, 'data');
    return String(data).trim();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    socket.destroy();
  }
}

const gateway = (): string => daemon.subnet.split('/')[0] ?? '';
/** From a container on the default bridge to a port of the host. */
const ask = (port: number, target = gateway()): Promise<string> =>
  ok('run', '--rm', 'busybox', 'sh', '-c', `nc -w 2 ${target} ${port} </dev/null || true`);

test('a range, a range that is searched, a random port, one address, and -P', async () => {
  await ok('run', '-d', '--name', 'ranged', '-p', '19100-19102:80-82', 'busybox', ...server);
  assert.deepEqual((await ok('port', 'ranged')).split('\n').sort(), [
    '80/tcp -> 0.0.0.0:19100',
    '81/tcp -> 0.0.0.0:19101',
    '82/tcp -> 0.0.0.0:19102',
  ]);
  await listens('ranged');
  assert.equal(await hear(19100), 'here');
  await ok('run', '-d', '--name', 'first', '-p', '19110-19111:80', 'busybox', ...server);
  await ok('run', '-d', '--name', 'second', '-p', '19110-19111:80', 'busybox', ...server);
  assert.equal(await ok('port', 'second'), '80/tcp -> 0.0.0.0:19111');
  const third = await daemon.docker(['run', '-d', '-p', '19110-19111:80', 'busybox', 'true']);
  assert.match(third.stderr, /Bind for 0\.0\.0\.0:19110 failed: all ports are allocated/);
  await ok(
    'run',
    '-d',
    '--name',
    'all',
    '-P',
    '--expose',
    '80',
    '--expose',
    '81/udp',
    '-p',
    '127.0.0.1::82',
    'busybox',
    ...server,
  );
  const ports = await ok('port', 'all');
  const exposed = Number(/80\/tcp -> 0\.0\.0\.0:(\d+)/.exec(ports)?.[1]);
  assert.match(ports, /81\/udp -> 0\.0\.0\.0:\d+/);
  assert.match(ports, /82\/tcp -> 127\.0\.0\.1:\d+/);
  await listens('all');
  assert.equal(await hear(exposed), 'here');
});

test('a port that is taken is found before anything is made, and named', async () => {
  const taken = createServer().listen(19120, '0.0.0.0');
  await once(taken, 'listening');
  const before = execFileSync('ip', ['-o', 'link', 'show', 'master', daemon.bridge]).toString();
  const refused = await daemon.docker([
    'run',
    '-d',
    '--name',
    'late',
    '-p',
    '19121:80',
    '-p',
    '19120:80',
    'busybox',
    'true',
  ]);
  assert.equal(refused.code, 125);
  assert.match(
    refused.stderr,
    /failed to bind host port for 0\.0\.0\.0:19120:[0-9.]+:80\/tcp: address already in use/,
  );
  assert.equal(await ok('inspect', '-f', '{{.State.Status}} {{.State.Pid}}', 'late'), 'created 0');
  assert.equal(execFileSync('ip', ['-o', 'link', 'show', 'master', daemon.bridge]).toString(), before);
  taken.close();
  await once(taken, 'close');
  await ok('run', '-d', '--name', 'free', '-p', '19120-19121:80-81', 'busybox', ...server);
  await listens('free');
  assert.equal(await hear(19120), 'here');
});

test('--publish-from: shown, obeyed, kept over a crash of the daemon, and given by a label too', async () => {
  const flags = ['--publish-from', '203.0.113.0/24,2001:db8::/32', '--publish-from', '127.0.0.1'];
  const made = await daemon.gantry([
    'run',
    '-d',
    '--name',
    'picky',
    '-p',
    '19130:80',
    ...flags,
    'busybox',
    ...server,
  ]);
  assert.equal(made.code, 0, made.stderr);
  const shown = await ok('inspect', '-f', '{{json .HostConfig}}', 'picky');
  assert.equal(
    (await daemon.gantry(['inspect', '-f', '{{json .HostConfig.PublishFrom}}', 'picky'])).stdout.trim(),
    '["203.0.113.0/24","2001:db8::/32","127.0.0.1"]',
    shown,
  );
  const label = 'gantry.publish-from=203.0.113.0/24';
  await ok('run', '-d', '--name', 'labelled', '--label', label, '-p', '19131:80', 'busybox', ...server);
  await ok('run', '-d', '--name', 'open', '-p', '19132:80', 'busybox', ...server);
  for (const name of ['picky', 'labelled', 'open']) await listens(name);
  const check = async (): Promise<void> => {
    assert.equal(await hear(19130), 'here');
    assert.equal(await ask(19130), '');
    assert.equal(await hear(19131), 'timeout');
    assert.equal(await ask(19132), 'here');
  };
  await check();
  await daemon.kill9();
  assert.deepEqual([await hear(19130), await hear(19131)], ['here', 'timeout']);
  await daemon.launch();
  await check();
  // The sources go with the ports to another network.
  await ok('network', 'create', 'elsewhere');
  await ok('network', 'connect', '--gw-priority', '7', 'elsewhere', 'picky');
  assert.equal(await hear(19130), 'here');
  assert.equal(await ask(19130), '');
  await ok('network', 'disconnect', 'elsewhere', 'picky');
  assert.equal(await ask(19130), '');
  await ok('rm', '-f', 'picky');
  await ok('network', 'rm', 'elsewhere');
});

test('sources that are none are refused, by the flag and by the label', async () => {
  for (const word of ['10.0.0.0/33', 'example.com', '', '10.0.0.1,,10.0.0.2']) {
    const refused = await daemon.gantry(['create', '--publish-from', word, '-p', '80', 'busybox', 'true']);
    assert.notEqual(refused.code, 0, word);
    assert.match(refused.stderr, /invalid source for published ports/, word);
  }
  const refused = await daemon.docker(['create', '--label', 'gantry.publish-from=all', 'busybox', 'true']);
  assert.match(refused.stderr, /invalid source for published ports: "all"/);
  assert.equal(await ok('ps', '-aq'), '');
});

test('`ip` and `default-network-opts` are taken over by a reload, for containers and networks made from then on', async () => {
  const port = (name: string): Promise<string> => ok('port', name, '80');
  await ok('run', '-d', '--name', 'early', '-p', '19140:80', 'busybox', ...server);
  const reload = async (config: object): Promise<void> => {
    const before = daemon.log().split('Reloaded configuration').length;
    writeFileSync(daemon.configFile, JSON.stringify(config));
    daemon.hangUp();
    await until(() => daemon.log().split('Reloaded configuration').length > before);
  };
  const binding = 'com.docker.network.bridge.host_binding_ipv4';
  await reload({
    ip: '127.0.0.1',
    'default-network-opts': { bridge: { [binding]: '127.0.0.2', 'com.docker.network.driver.mtu': '1400' } },
  });
  await ok('run', '-d', '--name', 'local', '-p', '19141:80', '-p', '0.0.0.0:19142:81', 'busybox', ...server);
  assert.equal(await port('local'), '127.0.0.1:19141');
  assert.equal(await ok('port', 'local', '81'), '0.0.0.0:19142');
  await ok('network', 'create', 'bound');
  await ok('network', 'create', '-o', `${binding}=127.0.0.3`, 'own');
  assert.equal(
    await ok(
      'network',
      'inspect',
      '-f',
      '{{index .Options "com.docker.network.driver.mtu"}}',
      'bound',
      'own',
    ),
    '1400\n1400',
  );
  await ok('run', '-d', '--name', 'netted', '--network', 'bound', '-p', '19143:80', 'busybox', ...server);
  await ok('run', '-d', '--name', 'owned', '--network', 'own', '-p', '19143:80', 'busybox', ...server);
  assert.deepEqual([await port('netted'), await port('owned')], ['127.0.0.2:19143', '127.0.0.3:19143']);
  for (const name of ['netted', 'owned']) await listens(name);
  assert.equal(await hear(19143, '127.0.0.2'), 'here');
  await reload({});
  await ok('run', '-d', '--name', 'wide', '-p', '19144:80', 'busybox', ...server);
  assert.deepEqual([await port('early'), await port('wide')], ['0.0.0.0:19140', '0.0.0.0:19144']);
  writeFileSync(daemon.configFile, '{"ip":"localhost"}');
  daemon.hangUp();
  await until(() => /invalid ip: localhost is no IP address/.test(daemon.log()));
  writeFileSync(daemon.configFile, '{}');
  await ok('rm', '-f', 'netted', 'owned');
  await ok('network', 'rm', 'bound', 'own');
});

test('a daemon whose rules iptables writes: ports, names, sources, and nothing left', async () => {
  const other = await TestDaemon.start({ config: { 'firewall-backend': 'iptables' } });
  const saved = (): string => execFileSync('iptables-save', { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  try {
    const info = await other.ok(['info', '-f', '{{json .FirewallBackend}}']);
    assert.match(info, /"Driver":"iptables"/);
    assert.match(saved(), new RegExp(other.nftTable));
    await other.ok(['network', 'create', 'app']);
    await other.ok([
      'run',
      '-d',
      '--name',
      'web',
      '--network',
      'app',
      '-p',
      '19150:80',
      'busybox',
      ...server,
    ]);
    await listens('web', (...args) => other.ok(args));
    assert.equal(await hear(19150), 'here');
    const reached = await other.ok([
      'run',
      '--rm',
      '--network',
      'app',
      'busybox',
      'sh',
      '-c',
      'nc -w 2 web 80 </dev/null',
    ]);
    assert.equal(reached, 'here');
    await other.kill9();
    assert.equal(await hear(19150), 'here');
    await other.launch();
    assert.equal(await hear(19150), 'here');
    await other.ok(['rm', '-f', 'web']);
    await other.ok(['network', 'rm', 'app']);
    assert.equal(await hear(19150), 'connect ECONNREFUSED 127.0.0.1:19150');
  } finally {
    await other.close();
  }
  assert.doesNotMatch(saved(), new RegExp(other.nftTable));
});
