import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from './daemon-flags.ts';
import { toDaemonSetup } from './daemon-setup.ts';

function setup(...words: string[]) {
  return toDaemonSetup(parseCommandLine(words, '0').settings, '/shim');
}

test("without flags everything is at Gantry's own places", () => {
  const { config, hosts, pidFile, tls, logLevel } = setup();
  assert.deepEqual(
    [config.dataRoot, config.execRoot, pidFile],
    ['/var/lib/gantry', '/run/gantry', '/run/gantry/gantryd.pid'],
  );
  assert.deepEqual(hosts, ['unix:///run/gantry.sock']);
  assert.deepEqual([tls.enabled, tls.verify, logLevel, config.icc], [undefined, false, 'info', true]);
});

test("dockerd's flags in all their forms", () => {
  const { config, hosts, tls, logLevel, groupGiven } = setup(
    ...[
      '--data-root=/d',
      '--exec-root',
      '/e',
      '-b',
      'br9',
      '-D',
      '-H',
      'unix:///a',
      '--host',
      'tcp://:1',
      '-G',
      'g',
    ],
    ...['--tls=false', '--icc=false', '--label', 'a=b', '--label', 'c=d', '--default-ulimit', 'nofile=1:2'],
    ...['--default-shm-size', '1g', '--add-runtime', 'runsc=/usr/bin/runsc', '--log-opt', 'max-size=5m'],
    ...['--exec-opt', 'native.cgroupdriver=systemd', '--registry-mirror', 'http://127.0.0.1:5000/'],
  );
  assert.deepEqual(hosts, ['unix:///a', 'tcp://:1']);
  assert.deepEqual([tls.enabled, logLevel, groupGiven], [false, 'debug', true]);
  assert.deepEqual([config.bridge, config.icc, config.labels], ['br9', false, ['a=b', 'c=d']]);
  assert.deepEqual(config.defaultUlimits, [{ name: 'nofile', soft: 1, hard: 2 }]);
  assert.equal(config.defaultShmSize, 2 ** 30);
  assert.deepEqual(config.runtimes, { runsc: { path: '/usr/bin/runsc', args: [] } });
  assert.deepEqual([config.logOpts, config.cgroupDriver], [{ 'max-size': '5m' }, 'systemd']);
  assert.deepEqual(config.registryMirrors, ['http://127.0.0.1:5000']);
  const opts = ['bridge=com.docker.network.driver.mtu=1400', 'bridge=a.b=c=d', 'macvlan=parent=eth0'];
  const firewall = setup(
    '--firewall-backend=iptables',
    ...opts.flatMap((one) => ['--default-network-opt', one]),
  );
  assert.deepEqual(firewall.config.defaultNetworkOptions, {
    bridge: { 'com.docker.network.driver.mtu': '1400', 'a.b': 'c=d' },
    macvlan: { parent: 'eth0' },
  });
  assert.equal(firewall.config.firewallBackend, 'iptables');
});

test('values that make no sense are refused by name', () => {
  const bad: Array<[string[], RegExp]> = [
    [['--mtu', 'x'], /"x" for mtu/],
    [['--log-level', 'loud'], /invalid log-level: loud/],
    [['--data-root', 'relative'], /data-root must be an absolute path/],
    [['--label', 'nolabel'], /bad attribute format/],
    [['--exec-opt', 'native.cgroupdriver=x'], /native.cgroupdriver: x/],
    [['--storage-driver', 'zfs'], /storage-driver: zfs/],
    [['--registry-mirror', 'ftp://x'], /invalid mirror/],
    [['--ip', 'localhost'], /invalid ip: localhost/],
    [['--firewall-backend', 'pf'], /invalid firewall-backend: pf/],
    [['--default-network-opt', 'bridge=mtu'], /for default-network-opts: it must be KEY=VALUE/],
    [
      ['--default-network-opt', 'bridge=com.docker.network.driver.mtu=9'],
      /invalid default-network-opts: failed to parse com\.docker\.network\.driver\.mtu/,
    ],
  ];
  for (const [words, message] of bad)
    assert.throws(() => setup(...words), { code: 'invalid-argument', message }, words.join(' '));
});
