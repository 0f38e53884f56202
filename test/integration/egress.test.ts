/** Egress rules by the command lines and the API: real containers, a machine outside, crashes of the daemon, and what can't be guarded. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../support/api-client.ts';
import { EgressSite } from '../support/egress-site.ts';
import { until } from '../support/until.ts';

/** Answers are allowed for their second, and for thirty more. */
const ttl = 1;
const allowedMs = (ttl + 30) * 1000;
const refused = /Connection refused/;

let site: EgressSite;
let far: string;
let held: ChildProcessWithoutNullStreams;
let heldText = '';
let learnedAt = 0;

const ok = (...args: string[]): Promise<string> => site.daemon.ok(args);
const sleeper = ['busybox', 'sleep', '600'];
/** Starts a container that asks the site's name server, with rules by the annotation that the stock command line has. */
const start = (name: string, rules: string, ...flags: string[]): Promise<string> =>
  ok(
    'run',
    '-d',
    '--name',
    name,
    '--dns',
    site.host,
    '--annotation',
    `gantry.egress=${rules}`,
    ...flags,
    ...sleeper,
  );
const reaches = async (name: string, address: string, port: number): Promise<void> =>
  assert.match(await site.reach(name, address, port), /^198\.19\./);
const isRefused = async (name: string, address: string, port: number): Promise<void> =>
  assert.match(await site.reach(name, address, port), refused);

before(async () => {
  site = await EgressSite.open(ttl, ['tcp:80', 'tcp:81', 'tcp:82:hold', 'udp:80']);
  far = site.outside(2);
  Object.assign(site.names, { 'far.example': far, 'short.example': far });
  await ok('network', 'create', 'front');
  await start('short', 'allow=short.example:80-82', '--network', 'front');
  assert.deepEqual(await site.resolve('short', 'short.example'), [far]);
  learnedAt = performance.now();
  /* Not by exec, whose streams end with the daemon. */
  held = spawn('nsenter', [
    '-t',
    await ok('inspect', '-f', '{{.State.Pid}}', 'short'),
    '-n',
    'busybox',
    'nc',
    far,
    '82',
  ]);
  held.stdout.on('data', (data: Buffer) => {
    heldText += data.toString();
  });
  await until(() => heldText.includes('hold'));
});
after(async () => {
  held.kill('SIGKILL');
  await site.close();
});

for (const network of ['bridge', 'front'])
  test(`on ${network}, names and addresses that are allowed are reached, and nothing else`, async () => {
    await start('web', `allow=far.example:80,allow=${site.outside(3)}:81`, '--network', network);
    assert.match(
      await ok('inspect', '-f', '{{json .HostConfig.Annotations}}', 'web'),
      /"gantry\.egress":"allow=far/,
    );
    const { gateway } = {
      gateway: await ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', network),
    };
    assert.match(
      await ok('exec', 'web', 'cat', '/etc/resolv.conf'),
      new RegExp(`^nameserver ${gateway}$`, 'm'),
    );
    await reaches('web', site.outside(3), 81);
    await isRefused('web', far, 80);
    assert.deepEqual(await site.resolve('web', 'far.example'), [far]);
    await reaches('web', far, 80);
    await isRefused('web', far, 81);
    await isRefused('web', site.host, 53);
    assert.deepEqual(await site.resolve('web', 'secret.other.example'), []);
    assert.equal(site.asked.includes('secret.other.example'), false);
    await ok('rm', '-f', 'web');
  });

test('the first packet is already bounded', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    socket.end();
  });
  server.listen(0, site.host);
  await once(server, 'listening');
  try {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const script = `for i in 1 2 3; do nc -w 1 ${site.host} ${port} </dev/null; done; true`;
    const burst = (...flags: string[]): Promise<string> =>
      ok('run', '--rm', ...flags, 'busybox', 'sh', '-c', script);
    await burst('--annotation', 'gantry.egress=none');
    assert.equal(connections, 0);
    await burst();
    assert.equal(connections, 3);
  } finally {
    server.close();
  }
});

test('addresses of --add-host and the host’s gateway are allowed by their names', async () => {
  const rules = 'allow=far.lan:80,allow=host.lan:53';
  await start(
    'named',
    rules,
    '--network',
    'front',
    '--add-host',
    `Far.lan:${far}`,
    '--add-host',
    'host.lan:host-gateway',
  );
  await reaches('named', far, 80);
  await isRefused('named', far, 81);
  /* Nobody listens there; but it is the host that says so: the rules would tell of it. */
  const gateway = await ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'bridge');
  await isRefused('named', gateway, 53);
  await isRefused('named', gateway, 54);
  const told = async (): Promise<string> =>
    ok(
      'events',
      '--since',
      '1',
      '--until',
      String(Math.ceil(Date.now() / 1000)),
      '--filter',
      'container=named',
    );
  await until(async () => /port=54/.test(await told()));
  assert.doesNotMatch(await told(), /port=53,/);
  await ok('rm', '-f', 'named');
});

test('what was refused is an event, by the API and both command lines', async () => {
  await start('loud', 'allow=far.example:80', '--network', 'front');
  await site.resolve('loud', 'far.example');
  await site.resolve('loud', 'tunnel.example');
  await isRefused('loud', far, 81);
  const bounds = (): [string, string] => ['1', String(Math.ceil(Date.now() / 1000) + 1)];
  const filters = JSON.stringify({ event: ['egress-refused'], container: ['loud'] });
  const listed = async (): Promise<string> => {
    const [since, end] = bounds();
    const path = `/events?since=${since}&until=${end}&filters=${encodeURIComponent(filters)}`;
    return (await callApi(site.daemon.socket, 'GET', path)).text;
  };
  await until(async () => /"port":"81"/.test(await listed()), 8000);
  const events = (await listed())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const attributes = events.map(({ Type, Action, Actor }) => {
    const { destination, port, protocol, host, name } = Actor.Attributes;
    return { Type, Action, destination, port, protocol, host, name };
  });
  const common = { Type: 'container', Action: 'egress-refused', name: 'loud' };
  const packet = { ...common, destination: far, port: '81', protocol: 'tcp', host: 'far.example' };
  assert.ok(
    attributes.some(
      (one) => JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(packet).sort()),
    ),
    JSON.stringify(attributes),
  );
  assert.ok(attributes.some(({ protocol, host }) => protocol === 'dns' && host === 'tunnel.example'));
  const [since, end] = bounds();
  const words = ['events', '--since', since, '--until', end, '--filter', 'event=egress-refused'];
  for (const run of [site.daemon.docker([...words]), site.daemon.gantry([...words])])
    assert.match(
      (await run).stdout,
      new RegExp(`container egress-refused [0-9a-f]{64} .*destination=${far}`),
    );
  await ok('rm', '-f', 'loud');
});

test('rules hold while the daemon is away, after kill -9 and after a restart; the container is started anew with them', async () => {
  await start('kept', 'allow=far.example:80', '--network', 'front');
  await site.resolve('kept', 'far.example');
  const pid = await ok('inspect', '-f', '{{.State.Pid}}', 'kept');
  const inside = async (port: number): Promise<string> => {
    const child = spawn('nsenter', ['-t', pid, '-n', 'busybox', 'nc', '-w', '2', far, String(port)]);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => {
        text += data.toString();
      });
    child.stdin.end();
    await once(child, 'close');
    return text;
  };
  for (const end of [() => site.daemon.kill9(), () => site.daemon.stop()]) {
    await end();
    assert.match(await inside(80), /^198\.19\./);
    assert.match(await inside(81), refused);
    await site.daemon.launch();
    await reaches('kept', far, 80);
    await isRefused('kept', far, 81);
    assert.deepEqual(await site.resolve('kept', 'far.example'), [far]);
  }
  await ok('restart', '-t', '0', 'kept');
  await isRefused('kept', far, 80);
  await site.resolve('kept', 'far.example');
  await reaches('kept', far, 80);
  await ok('rm', '-f', 'kept');
});

/** The command of a server that says so to whoever connects. */
const saying = (words: string): string[] => ['nc', '-ll', '-p', '80', '-e', 'echo', words];

test('networks that come and go while it runs are guarded too', async () => {
  await ok('network', 'create', 'back');
  await ok('run', '-d', '--name', 'db', '--network', 'back', 'busybox', ...saying('198.19.'));
  await ok('run', '-d', '--name', 'other', '--network', 'back', 'busybox', ...saying('other'));
  await start('moving', `allow=db:80,allow=${far}:80`, '--network', 'front');
  const address = (name: string): Promise<string> =>
    ok('inspect', '-f', '{{.NetworkSettings.Networks.back.IPAddress}}', name);
  await ok('network', 'connect', 'back', 'moving');
  assert.deepEqual(await site.resolve('moving', 'db'), [await address('db')]);
  await reaches('moving', await address('db'), 80);
  assert.doesNotMatch(await site.reach('moving', await address('other'), 80), /other/);
  await ok('network', 'disconnect', 'front', 'moving');
  await reaches('moving', far, 80);
  await isRefused('moving', far, 81);
  await ok('network', 'disconnect', 'back', 'moving');
  await ok('network', 'connect', 'front', 'moving');
  await reaches('moving', far, 80);
  await isRefused('moving', far, 81);
  await ok('rm', '-f', 'moving', 'db', 'other');
});

test('published ports are reached from outside', async () => {
  const rules = ['--annotation', 'gantry.egress=none'];
  await ok(
    'run',
    '-d',
    '--name',
    'served',
    ...rules,
    '-p',
    '80',
    'busybox',
    'nc',
    '-ll',
    '-p',
    '80',
    '-e',
    'echo',
    'here',
  );
  const port = Number((await ok('port', 'served', '80')).split('\n')[0]?.split(':').at(-1));
  const socket = connect({ host: site.host, port });
  const [data] = await once(socket, 'data');
  socket.destroy();
  assert.equal(String(data).trim(), 'here');
  await isRefused('served', site.host, port);
  await ok('rm', '-f', 'served');
});

test('an address that changes is followed once the name is asked again', async () => {
  const next = site.outside(3);
  await start('follower', 'allow=moved.example:80', '--network', 'front');
  site.names['moved.example'] = far;
  await site.resolve('follower', 'moved.example');
  await reaches('follower', far, 80);
  site.names['moved.example'] = next;
  await isRefused('follower', next, 80);
  await until(async () => (await site.resolve('follower', 'moved.example'))[0] === next, 8000);
  await reaches('follower', next, 80);
  await ok('rm', '-f', 'follower');
});

test('connections outlive what allowed them; new ones need the name again', async () => {
  await sleep(Math.max(0, learnedAt + allowedMs + 1500 - performance.now()));
  await isRefused('short', far, 80);
  held.stdin.write('still here\n');
  await until(() => heldText.includes('still here'));
  await site.resolve('short', 'short.example');
  await reaches('short', far, 80);
});
