import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeSettings, parseDaemonFile, readDaemonFile } from './daemon-file.ts';
import { parseCommandLine } from './daemon-flags.ts';
import { reloadable } from './daemon-reload.ts';

const path = '/etc/gantry/daemon.json';

function flags(...words: string[]) {
  return parseCommandLine(words, '0').settings;
}

test("Docker's keys, with their types", () => {
  const text = JSON.stringify({
    'data-root': '/x',
    debug: true,
    hosts: ['unix:///a'],
    mtu: 1400,
    'log-opts': { 'max-size': '1m' },
    'default-shm-size': '128M',
    runtimes: { runsc: { path: '/usr/bin/runsc', runtimeArgs: ['--platform=ptrace'] } },
    'default-ulimits': { nofile: { Name: 'nofile', Soft: 1, Hard: 2 } },
    features: { buildkit: true },
    'default-network-opts': { bridge: { 'com.docker.network.driver.mtu': '1400' } },
  });
  const settings = parseDaemonFile(text, path);
  assert.equal(settings.get('default-shm-size'), 128 * 1024 * 1024);
  assert.deepEqual(settings.get('runtimes'), {
    runsc: { path: '/usr/bin/runsc', args: ['--platform=ptrace'] },
  });
  assert.deepEqual(settings.get('default-ulimits'), { nofile: { soft: 1, hard: 2 } });
  assert.equal(settings.get('mtu'), 1400);
  assert.deepEqual(settings.get('default-network-opts'), {
    bridge: { 'com.docker.network.driver.mtu': '1400' },
  });
  assert.throws(() => parseDaemonFile('{"default-network-opts":{"bridge":"x"}}', path), /objects of strings/);
});

test('proxies have a place of their own in the file, and mirrors are listed by registry', () => {
  const text = JSON.stringify({
    proxies: { 'http-proxy': 'http://p:1', 'no-proxy': 'x' },
    'registry-mirrors-for': { 'ghcr.io': ['https://m.example/ghcr'] },
  });
  const settings = parseDaemonFile(text, path);
  assert.equal(settings.get('http-proxy'), 'http://p:1');
  assert.equal(settings.get('no-proxy'), 'x');
  assert.deepEqual(settings.get('registry-mirrors-for'), { 'ghcr.io': ['https://m.example/ghcr'] });
  assert.throws(() => parseDaemonFile('{"proxies":{"ftp-proxy":"x"}}', path), /ftp-proxy/);
  assert.throws(() => parseDaemonFile('{"proxies":"x"}', path), /proxies must be an object/);
  assert.throws(() => parseDaemonFile('{"registry-mirrors-for":{"a":"b"}}', path), /lists of strings/);
  assert.throws(
    () => mergeSettings(flags('--http-proxy', 'http://q:1'), settings, path),
    /http-proxy: \(from flag: http:\/\/q:1, from file: http:\/\/p:1\)/,
  );
});

test('unknown keys, wrong types and broken files are named', () => {
  assert.throws(() => parseDaemonFile('{"data-rot":"/x","a":1}', path), {
    code: 'invalid-argument',
    message: `unable to configure the Gantry daemon with file ${path}: the following directives don't match any configuration option: data-rot, a`,
  });
  assert.throws(() => parseDaemonFile('{"mtu":"big"}', path), /for mtu: it must be an integer/);
  assert.throws(() => parseDaemonFile('{', path), /unable to configure/);
  assert.throws(() => readDaemonFile('/nowhere/daemon.json', true), /unable to configure.*ENOENT/);
  assert.equal(readDaemonFile('/nowhere/daemon.json', false).size, 0);
});

test('a setting in both places is refused in the words of Docker', () => {
  const file = parseDaemonFile('{"hosts":["tcp://127.0.0.1:1"],"debug":true}', path);
  assert.throws(() => mergeSettings(flags('-H', 'unix:///a', '-H', 'unix:///b'), file, path), {
    message: `unable to configure the Gantry daemon with file ${path}: the following directives are specified both as a flag and in the configuration file: hosts: (from flag: [unix:///a unix:///b], from file: [tcp://127.0.0.1:1])`,
  });
  assert.equal(mergeSettings(flags('--mtu', '1400'), file, path).get('mtu'), 1400);
});

test('what Gantry can do in one way only is refused in others', () => {
  assert.throws(
    () => mergeSettings(flags('--userns-remap', 'default'), new Map(), path),
    /userns-remap is not supported/,
  );
  assert.throws(() => mergeSettings(flags('--ip-masq=false'), new Map(), path), /ip-masq=false/);
  assert.equal(mergeSettings(flags('--ip-masq=true', '--iptables=false'), new Map(), path).size, 2);
});

test('a reload takes over what may change and keeps the rest', () => {
  const current = new Map<string, string | boolean | string[]>([
    ['bridge', 'a'],
    ['debug', true],
    ['labels', ['a=b']],
  ]);
  const next = reloadable(
    current,
    new Map<string, string | string[]>([
      ['bridge', 'b'],
      ['labels', ['c=d']],
    ]),
  );
  assert.deepEqual([...next].sort(), [
    ['bridge', 'a'],
    ['labels', ['c=d']],
  ]);
});
