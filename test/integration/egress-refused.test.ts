/** What can't be held to egress rules is refused, and rules come with every client: by the command lines and the API. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { EgressSite } from '../support/egress-site.ts';
import { dropIptablesRules } from '../support/iptables-clean.ts';

let site: EgressSite;
const ok = (...args: string[]): Promise<string> => site.daemon.ok(args);
const sleeper = ['busybox', 'sleep', '600'];

before(async () => {
  site = await EgressSite.open(1, ['tcp:80']);
  await ok('network', 'create', 'front');
  await ok('run', '-d', '--name', 'free', ...sleeper);
});
after(() => site.close());

test('networks that can’t be guarded are refused at create, at connect and at start', async () => {
  await ok('network', 'create', '-d', 'macvlan', 'wire');
  await ok(
    'network',
    'create',
    '-o',
    'com.docker.network.bridge.gateway_mode_ipv4=isolated',
    '--internal',
    'alone',
  );
  const create = async (...flags: string[]): Promise<string> => {
    const { code, stderr } = await site.daemon.gantry([
      'create',
      '--egress',
      'none',
      ...flags,
      'busybox',
      'true',
    ]);
    assert.notEqual(code, 0, flags.join(' '));
    return stderr;
  };
  for (const mode of ['host', 'none', 'container:free', 'wire', 'alone'])
    assert.match(await create('--network', mode), /egress rules can't be applied .*leave out --egress/);
  await ok(
    'run',
    '-d',
    '--name',
    'stays',
    '--annotation',
    'gantry.egress=none',
    '--network',
    'front',
    ...sleeper,
  );
  const connected = await site.daemon.docker(['network', 'connect', 'wire', 'stays']);
  assert.match(connected.stderr, /egress rules can't be applied on the network wire/);
  await ok('network', 'create', 'turn');
  await ok(
    'create',
    '--name',
    'turned',
    '--annotation',
    'gantry.egress=none',
    '--network',
    'turn',
    ...sleeper,
  );
  await ok('network', 'rm', 'turn');
  await ok('network', 'create', '-d', 'macvlan', 'turn');
  const started = await site.daemon.docker(['start', 'turned']);
  assert.match(started.stderr, /egress rules can't be applied on the network turn/);
  assert.equal(await ok('inspect', '-f', '{{.State.Pid}}', 'turned'), '0');
  await ok('rm', '-f', 'turned', 'stays');
});

test('rules that can’t be read and annotations that don’t exist are refused; risky containers are warned of', async () => {
  const create = (...flags: string[]) => site.daemon.gantry(['create', ...flags, 'busybox', 'true']);
  assert.match(
    (await create('--egress', 'allow=example.org')).stderr,
    /invalid egress rule .*the port is missing/,
  );
  assert.match(
    (await create('--annotation', 'gantry.egres=none')).stderr,
    /unknown annotation "gantry\.egres"/,
  );
  const both = await create('--egress', 'none', '--annotation', 'gantry.egress=none');
  assert.match(both.stderr, /conflicting options/);
  const privileged = await create('--name', 'strong', '--privileged', '--egress', 'none');
  assert.match(privileged.stderr, /don't hold a privileged container/);
  assert.match((await create('--egress', 'none', '--cap-add', 'net_admin')).stderr, /With NET_ADMIN/);
  const rules = await create(
    '--name',
    'two',
    '--egress',
    'allow=a.example:1',
    '--egress',
    'allow=b.example:2',
  );
  assert.equal(rules.code, 0, rules.stderr);
  const shown = await ok('inspect', '-f', '{{index .HostConfig.Annotations "gantry.egress"}}', 'two');
  assert.equal(shown, 'allow=a.example:1,allow=b.example:2');
});

test('a client of an old API keeps the rules; other annotations it did not know', async () => {
  const annotations = { 'gantry.egress': 'none', other: 'x' };
  const body = { Image: 'busybox', Cmd: ['true'], HostConfig: { Annotations: annotations } };
  const { json } = await callApi(site.daemon.socket, 'POST', '/v1.41/containers/create', body);
  const shown = await ok('inspect', '-f', '{{json .HostConfig.Annotations}}', json.Id);
  assert.deepEqual(JSON.parse(shown), { 'gantry.egress': 'none' });
});

test('with iptables, a container with rules neither starts nor is made', async () => {
  const daemon = await TestDaemon.start();
  try {
    const rules = ['--annotation', 'gantry.egress=none'];
    await daemon.ok(['create', '--name', 'early', ...rules, 'busybox', 'true']);
    await daemon.stop();
    writeFileSync(daemon.configFile, JSON.stringify({ 'firewall-backend': 'iptables' }));
    await daemon.launch();
    for (const words of [
      ['start', 'early'],
      ['create', ...rules, 'busybox', 'true'],
    ]) {
      const { code, stderr } = await daemon.gantry(words);
      assert.notEqual(code, 0);
      assert.match(
        stderr,
        /egress rules need nftables, and this daemon's firewall is iptables.*firewall-backend/s,
      );
    }
    assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Pid}}', 'early']), '0');
  } finally {
    await daemon.close();
    dropIptablesRules(daemon.nftTable);
  }
});
