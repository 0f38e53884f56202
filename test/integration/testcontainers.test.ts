/** Testcontainers for Node does its work: waits, ports, execs, files, networks, logs, parallel starts, and its reaper. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { GenericContainer, getContainerRuntimeClient, Network, Wait } from 'testcontainers';
import { runProgram, TestDaemon } from '../support/daemon.ts';
import { loadReaper } from '../support/reaper-image.ts';

const reaperImage = 'testcontainers/ryuk:own';
/* A host says otherwise to other people's programs; this file is a process of its own. */
process.env['RYUK_CONTAINER_IMAGE'] = reaperImage;

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
  await loadReaper(daemon, reaperImage);
  process.env['DOCKER_HOST'] = daemon.host;
  process.env['TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE'] = daemon.socket;
});
after(async () => {
  await daemon.close();
});

const web = [
  'sh',
  '-c',
  'mkdir -p /www; echo page >/www/index.html; httpd -f -p 80 -h /www & until wget -q -O /dev/null http://127.0.0.1/; do sleep 0.1; done; echo serving; wait',
];
const httpHealth = {
  test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1/'] as ['CMD', ...string[]],
};

test('testcontainers: it finds the daemon, and its reaper runs beside', async () => {
  const client = await getContainerRuntimeClient();
  assert.equal(client.info.containerRuntime.remoteSocketPath, daemon.socket);
  const box = await new GenericContainer('busybox').withCommand(['sleep', '1000']).start();
  const rows = await daemon.ok([
    'ps',
    '--format',
    '{{.Image}} {{.Status}}',
    '--filter',
    'label=org.testcontainers=true',
  ]);
  assert.match(rows, /testcontainers\/ryuk:own Up/);
  await box.stop({ timeout: 0 });
});

test('testcontainers: each way of waiting, in parallel', async () => {
  const served = (name: string) =>
    new GenericContainer('busybox').withCommand(web).withExposedPorts(80).withLabels({ name });
  const started = await Promise.all([
    served('port').withWaitStrategy(Wait.forListeningPorts()).start(),
    served('log').withWaitStrategy(Wait.forLogMessage('serving')).start(),
    served('http').withWaitStrategy(Wait.forHttp('/index.html', 80).forStatusCode(200)).start(),
    served('health')
      .withHealthCheck({ ...httpHealth, interval: 200, timeout: 3000, retries: 20 })
      .withWaitStrategy(Wait.forHealthCheck())
      .start(),
    served('shell')
      .withWaitStrategy(Wait.forSuccessfulCommand('wget -q -O /dev/null http://127.0.0.1/'))
      .start(),
    new GenericContainer('busybox').withCommand(['true']).withWaitStrategy(Wait.forOneShotStartup()).start(),
  ]);
  const ports = started.slice(0, 5).map((one) => one.getMappedPort(80));
  assert.equal(new Set(ports).size, 5);
  for (const [index, port] of ports.entries()) {
    const answer = await fetch(`http://${started[index]?.getHost()}:${port}/`, {
      signal: AbortSignal.timeout(5000),
    });
    assert.equal(await answer.text(), 'page\n');
  }
  await Promise.all(started.map((one) => one.stop({ timeout: 0 })));
});

test('testcontainers: execs, environment, files to and from, logs, restart, commit', {
  timeout: 30_000,
}, async () => {
  const lines: string[] = [];
  const box = await new GenericContainer('busybox')
    .withEnvironment({ COLOUR: 'green' })
    .withTmpFs({ '/scratch': 'rw,size=1m' })
    .withUser('root')
    .withCopyContentToContainer([{ content: 'from the test\n', target: '/etc/before', mode: 0o640 }])
    .withLogConsumer((stream) => void stream.on('data', (line: string) => lines.push(String(line).trim())))
    .withCommand(['sh', '-c', 'cat /etc/before; echo oops >&2; exec sleep 1000'])
    .withWaitStrategy(Wait.forLogMessage('oops'))
    .start();
  const told = await box.exec(['sh', '-c', 'echo $COLOUR; pwd; echo bad >&2; exit 3'], {
    workingDir: '/tmp',
    env: { A: 'b' },
  });
  assert.deepEqual([told.exitCode, told.stdout, told.stderr], [3, 'green\n/tmp\n', 'bad\n']);
  assert.equal((await box.exec('stat -c %a /etc/before')).stdout, '640\n');
  await box.copyContentToContainer([{ content: 'later\n', target: '/root/sub/later' }]);
  await box.copyFilesToContainer([{ source: fileURLToPath(import.meta.url), target: '/root/test.ts' }]);
  assert.equal((await box.exec('cat /root/sub/later')).output, 'later\n');
  assert.match(await text(await box.copyArchiveFromContainer('/root/sub')), /later\n/);
  const followed: string[] = [];
  for await (const chunk of await box.logs()) {
    followed.push(...String(chunk).trim().split('\n'));
    if (followed.length === 2) break;
  }
  assert.deepEqual(followed.sort(), ['from the test', 'oops']);
  assert.deepEqual(lines.slice().sort(), ['from the test', 'oops']);
  const committed = await box.commit({ repo: 'mine/box', tag: 'later', deleteOnExit: false });
  assert.match(committed, /./);
  assert.equal(await daemon.ok(['run', '--rm', 'mine/box:later', 'cat', '/root/sub/later']), 'later');
  await box.restart({ timeout: 0 });
  assert.equal((await box.exec('true')).exitCode, 0);
  await box.stop({ timeout: 0, remove: true });
  await assert.rejects(box.exec('true'));
});

test('testcontainers: networks with aliases', async () => {
  const network = await new Network().start();
  const [server, client] = await Promise.all([
    new GenericContainer('busybox')
      .withNetwork(network)
      .withNetworkAliases('server', 'also')
      .withCommand(web)
      .withWaitStrategy(Wait.forLogMessage('serving'))
      .start(),
    new GenericContainer('busybox').withNetwork(network).withCommand(['sleep', '1000']).start(),
  ]);
  for (const name of ['server', 'also', server.getName().slice(1) || server.getName()]) {
    const { output, exitCode } = await client.exec(`wget -q -O - http://${name}/`);
    assert.deepEqual({ name, output, exitCode }, { name, output: 'page\n', exitCode: 0 });
  }
  assert.match(server.getIpAddress(network.getName()), /^\d+\.\d+\.\d+\.\d+$/);
  await Promise.all([server.stop({ timeout: 0 }), client.stop({ timeout: 0 })]);
  await network.stop();
});

test('testcontainers: the reaper removes what a killed program leaves', async () => {
  const script = fileURLToPath(new URL('../support/testcontainers-day.ts', import.meta.url));
  const env = {
    DOCKER_HOST: daemon.host,
    RYUK_CONTAINER_IMAGE: reaperImage,
    TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE: daemon.socket,
  };
  const day = await runProgram([process.execPath, script], { env, timeout: 30_000 });
  assert.equal(day.code, 137, day.stderr);
  const { container, network } = JSON.parse(day.stdout) as { container: string; network: string };
  const docker = new Docker({ socketPath: daemon.socket });
  const gone = async (what: Promise<unknown>) =>
    what.then(
      () => false,
      (error: { statusCode?: number }) => error.statusCode === 404,
    );
  for (let waited = 0; ; waited += 100) {
    if (
      (await gone(docker.getContainer(container).inspect())) &&
      (await gone(docker.getNetwork(network).inspect()))
    )
      break;
    assert.ok(waited < 8000, `the reaper left something: ${await daemon.ok(['ps', '-a'])}`);
    await sleep(100);
  }
});
