/** Logs that go elsewhere lose no line, whatever ends in between, and hold no container up. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';
import {
  eventually,
  fluentdAck,
  fluentdRecords,
  receiveStream,
  receiveUdp,
  type StreamOptions,
  type StreamReceiver,
} from '../support/log-receivers.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

function options(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['--log-opt', `${name}=${value}`]);
}

async function receiver(context: TestContext, given: StreamOptions = {}): Promise<StreamReceiver> {
  const made = await receiveStream(given);
  context.after(() => made.close());
  return made;
}

/** Numbers that came, in the order of their first coming; over all connections, of which each may begin again a bit earlier. */
function numbersOf(lines: readonly string[]): number[] {
  return [...new Set(lines.map(Number))];
}

function ofFluentd(receivers: readonly StreamReceiver[]): number[] {
  const connections = receivers.flatMap((one) => one.received());
  return numbersOf(connections.flatMap(fluentdRecords).map(({ record }) => record['log'] ?? ''));
}

function ofSyslog(receivers: readonly StreamReceiver[]): number[] {
  const text = receivers.flatMap((one) => one.received()).join('');
  return numbersOf([...text.matchAll(/: (\d+)\n/g)].map(([, number]) => number ?? ''));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Lines 1 to `count`, in bursts. */
function counting(count: number, burst: number, pause: string): string[] {
  const script = `i=0; while [ $i -lt ${count} ]; do seq $((i+1)) $((i+${burst})); i=$((i+${burst})); usleep ${pause}; done`;
  return ['busybox', 'sh', '-c', script];
}

test('no line is lost while the daemon is killed, and while it is away', async (context) => {
  const collector = await receiver(context, { answer: fluentdAck });
  const log = options({
    'fluentd-address': `127.0.0.1:${collector.port}`,
    'fluentd-request-ack': 'true',
    'cache-max-size': '20k',
    'cache-max-file': '50',
  });
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'kills',
    '--log-driver',
    'fluentd',
    ...log,
    ...counting(12_000, 60, '20000'),
  ]);
  for (let kill = 0; kill < 3; kill += 1) {
    await sleep(300);
    await daemon.kill9();
    await sleep(200);
    await daemon.launch();
  }
  const numbers = await eventually(
    'all lines',
    () => {
      const found = ofFluentd([collector]);
      return found.length >= 12_000 && found;
    },
    20_000,
  );
  assert.deepEqual(numbers, upTo(12_000));
  assert.ok(collector.connections >= 3);
});

test('what a container wrote while the daemon was away, and its end, are sent afterwards', async (context) => {
  const collector = await receiver(context);
  const log = options({ 'syslog-address': `tcp://127.0.0.1:${collector.port}` });
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'away',
    '--log-driver',
    'syslog',
    ...log,
    ...counting(200, 10, '20000'),
  ]);
  await daemon.kill9();
  await sleep(800);
  await daemon.launch();
  const numbers = await eventually('all lines', () => {
    const found = ofSyslog([collector]);
    return found.length >= 200 && found;
  });
  assert.deepEqual(numbers, upTo(200));
  assert.equal(await daemon.ok(['inspect', '--format', '{{.State.Status}}', 'away']), 'exited');
});

test('no line is lost while the receiver is away, or closes its connections', async (context) => {
  const first = await receiver(context);
  const log = options({ 'syslog-address': `tcp://127.0.0.1:${first.port}` });
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'flaky',
    '--log-driver',
    'syslog',
    ...log,
    ...counting(3000, 30, '20000'),
  ]);
  for (let cut = 0; cut < 2; cut += 1) {
    await eventually('a connection', () => first.sockets.size > 0);
    await sleep(200);
    for (const socket of first.sockets) socket.destroy();
  }
  await sleep(200);
  await first.close();
  await sleep(500);
  const second = await receiver(context, { port: first.port });
  const numbers = await eventually('all lines', () => {
    const found = ofSyslog([first, second]);
    return found.length >= 3000 && found;
  });
  assert.deepEqual(numbers, upTo(3000));
});

test('a receiver that takes nothing does not hold the container up', async (context) => {
  const deaf = await receiver(context, { deaf: true });
  const log = options({
    'gelf-address': `tcp://127.0.0.1:${deaf.port}`,
    'cache-max-size': '1m',
    'cache-max-file': '3',
  });
  const writes = ['busybox', 'sh', '-c', 'seq 1 1000000'];
  const began = Date.now();
  await daemon.ok(['run', '--name', 'held', '--log-driver', 'gelf', ...log, ...writes]);
  const took = Date.now() - began;
  const plain = Date.now();
  await daemon.ok(['run', '--rm', '--log-opt', 'max-size=1m', '--log-opt', 'max-file=3', ...writes]);
  context.diagnostic(
    `a million lines: ${took} ms with a deaf receiver, ${Date.now() - plain} ms with json-file`,
  );
  assert.ok(took < 20_000, `${took} ms`);
  assert.equal(await daemon.ok(['logs', '--tail', '1', 'held']), '1000000');
  assert.ok((await daemon.docker(['rm', '-f', 'held'])).code === 0);
});

test('a container of --rm is gone only when its log was sent', async (context) => {
  const collector = await receiver(context);
  const log = options({ 'syslog-address': `tcp://127.0.0.1:${collector.port}` });
  await daemon.ok(['run', '--rm', '--log-driver', 'syslog', ...log, 'busybox', 'seq', '1', '5000']);
  const numbers = await eventually('all lines', () => {
    const found = ofSyslog([collector]);
    return found.length >= 5000 && found;
  });
  assert.deepEqual(numbers, upTo(5000));
});

test('a restarted container goes on where it was; a receiver that is gone does not keep it from its removal', async (context) => {
  const collector = await receiver(context);
  const log = options({ 'syslog-address': `tcp://127.0.0.1:${collector.port}` });
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'again',
    '--log-driver',
    'syslog',
    ...log,
    'busybox',
    'sh',
    '-c',
    "tr -d ' .' </proc/uptime; sleep 100",
  ]);
  await eventually('the first line', () => ofSyslog([collector]).length === 1);
  await daemon.ok(['restart', '-t', '0', 'again']);
  await eventually('the second line', () => ofSyslog([collector]).length === 2);
  await daemon.stop();
  await daemon.launch();
  await daemon.ok(['restart', '-t', '0', 'again']);
  await eventually('the third line', () => ofSyslog([collector]).length === 3);
  const lines = collector.received().join('').trim().split('\n');
  assert.ok(lines.length <= 4, 'almost nothing twice');
  await collector.close();
  const began = Date.now();
  await daemon.ok(['rm', '-f', 'again']);
  assert.ok(Date.now() - began < 10_000);
  context.diagnostic(`removal without a receiver: ${Date.now() - began} ms`);
});

test('over UDP, lines wait for a receiver that comes back', async (context) => {
  const first = await receiveUdp();
  const log = options({ 'syslog-address': first.address });
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'udp',
    '--log-driver',
    'syslog',
    ...log,
    ...counting(50, 1, '40000'),
  ]);
  await eventually('a line', () => first.datagrams.length > 3);
  await first.close();
  await sleep(500);
  const second = await receiveUdp(first.port);
  context.after(() => second.close());
  const numbers = await eventually('all lines', () => {
    const texts = [...first.datagrams, ...second.datagrams].map(
      (datagram) => /: (\d+)\n$/.exec(String(datagram))?.[1] ?? '',
    );
    const found = numbersOf(texts);
    return found.length >= 50 && found;
  });
  assert.deepEqual(numbers, upTo(50));
});
