/** Pruning, waiting and listing by the stock command line: filters, and what is spared. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

async function names(...filters: string[]): Promise<string[]> {
  const text = await daemon.ok([
    'ps',
    '-a',
    '--format',
    '{{.Names}}',
    ...filters.flatMap((one) => ['--filter', one]),
  ]);
  return text === '' ? [] : text.split('\n').sort();
}

test('containers: those that run are spared, and what filters spare', async () => {
  await daemon.ok(['run', '-d', '--name', 'runs', 'busybox', 'sleep', '1000']);
  for (const [name, label] of [
    ['old', 'keep=no'],
    ['kept', 'keep=yes'],
    ['plain', 'x'],
  ] as const)
    await daemon.ok(['create', '--name', name, '--label', label, 'busybox', 'true']);
  const prune = (...filters: string[]): Promise<string> =>
    daemon.ok(['container', 'prune', '-f', ...filters.flatMap((one) => ['--filter', one])]);
  await prune('until=10m');
  assert.deepEqual(await names(), ['kept', 'old', 'plain', 'runs']);
  await prune('label=keep=no');
  assert.deepEqual(await names(), ['kept', 'plain', 'runs']);
  await prune('label!=keep');
  assert.deepEqual(await names(), ['kept', 'runs']);
  await daemon.ok(['run', '--name', 'wrote', 'busybox', 'sh', '-c', 'head -c 100000 /dev/zero > /f']);
  assert.match(await prune('until=0s'), /Deleted Containers:/);
  assert.deepEqual(await names(), ['runs']);
  const bad = await daemon.docker(['container', 'prune', '-f', '--filter', 'colour=red']);
  assert.match(bad.stderr, /invalid filter 'colour'/);
  await daemon.ok(['rm', '-f', 'runs']);
});

test('volumes: anonymous ones, all where asked for, by label, never those in use', async () => {
  const volumes = async (): Promise<string[]> =>
    (await daemon.ok(['volume', 'ls', '-q'])).split('\n').filter(Boolean).sort();
  await daemon.ok(['volume', 'create', '--label', 'a=1', 'labelled']);
  await daemon.ok(['volume', 'create', 'named']);
  await daemon.ok(['create', '--name', 'uses', '-v', 'used:/x', 'busybox', 'true']);
  await daemon.ok(['volume', 'create']);
  assert.equal((await volumes()).length, 4);
  await daemon.ok(['volume', 'prune', '-f']);
  assert.deepEqual(await volumes(), ['labelled', 'named', 'used']);
  await daemon.ok(['volume', 'prune', '-f', '-a', '--filter', 'label!=a']);
  assert.deepEqual(await volumes(), ['labelled', 'used']);
  await daemon.ok(['volume', 'prune', '-f', '-a', '--filter', 'label=a=1']);
  assert.deepEqual(await volumes(), ['used']);
  await daemon.ok(['rm', 'uses']);
});

test('lists: each filter, sizes and the last so many', async () => {
  await daemon.ok(['tag', 'busybox', 'renamed:x']);
  await daemon.ok([
    ...[
      'run',
      '-d',
      '--name',
      'first',
      '--label',
      'l=1',
      '-v',
      'used:/data',
      '-p',
      '127.0.0.1:0:80',
      '--expose',
      '90',
    ],
    ...['busybox', 'sh', '-c', 'head -c 5000 /dev/zero > /f; sleep 1000'],
  ]);
  await daemon.ok(['run', '--name', 'second', '--network', 'none', 'busybox', 'true']);
  await daemon.docker(['run', '--name', 'third', 'busybox', 'sh', '-c', 'exit 7']);
  const id = await daemon.ok(['inspect', '-f', '{{.Id}}', 'second']);
  const expected: Array<[string[], string[]]> = [
    [['ancestor=renamed:x'], ['first', 'second', 'third']],
    [['before=second'], ['first']],
    [['since=first'], ['second', 'third']],
    [['exited=7'], ['third']],
    [
      ['exited=0', 'exited=7'],
      ['second', 'third'],
    ],
    [['expose=85-95'], ['first']],
    [['publish=80'], ['first']],
    [['health=none'], ['first', 'second', 'third']],
    [[`id=${id.slice(0, 10)}`], ['second']],
    [['is-task=true'], []],
    [['isolation=default'], ['first', 'second', 'third']],
    [['label=l=1'], ['first']],
    [['name=^(first|third)$'], ['first', 'third']],
    [['network=none'], ['second']],
    [['status=running'], ['first']],
    [['status=exited', 'exited=7'], ['third']],
    [['volume=used'], ['first']],
    [['volume=/data'], ['first']],
  ];
  for (const [filters, found] of expected)
    assert.deepEqual(await names(...filters), found, filters.join(' '));
  assert.equal(await daemon.ok(['ps', '-n', '2', '--format', '{{.Names}}']), 'third\nsecond');
  assert.equal(await daemon.ok(['ps', '-l', '--format', '{{.Names}}']), 'third');
  assert.match(await daemon.ok(['ps', '-s', '--format', '{{.Size}}']), /^5kB \(virtual [0-9.]+MB\)$/);
  for (const wrong of ['status=gone', 'health=ill', 'exited=x', 'colour=red'])
    assert.match((await daemon.docker(['ps', '--filter', wrong])).stderr, /invalid filter/);
});

test('waits: for the end, the next end, and the removal', async () => {
  assert.equal(await daemon.ok(['wait', 'third']), '7');
  const condition = async (kind: string, act: readonly string[]): Promise<string> => {
    const url = `http://localhost/containers/first/wait?condition=${kind}`;
    const waiting = runProgram([
      ...['curl', '-s', '--max-time', '20', '--unix-socket', daemon.socket, '-X', 'POST', url],
    ]);
    await sleep(300);
    await daemon.ok(act);
    return (await waiting).stdout.trim();
  };
  assert.equal(await condition('next-exit', ['kill', 'first']), '{"StatusCode":137}');
  await daemon.ok(['start', 'first']);
  assert.equal(await condition('next-exit', ['restart', '-t', '0', 'first']), '{"StatusCode":137}');
  assert.equal(await condition('removed', ['rm', '-f', 'first']), '{"StatusCode":137}');
});
