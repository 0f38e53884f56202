/** Updates of containers: the kernel's limits change while they run, and what was said stays. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
let id: string;
before(async () => {
  daemon = await TestDaemon.start();
  id = await daemon.ok([
    'run',
    '-d',
    '--name',
    'web',
    '-m',
    '100m',
    '--cpus',
    '0.5',
    'busybox',
    'sleep',
    '1000',
  ]);
  await daemon.ok(['create', '--name', 'idle', 'busybox', 'sleep', '1000']);
});
after(() => daemon.close());

const isV1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');

/** Content of the first of these files that there is, in a container's cgroup. */
function limit(container: string, controller: string, v1: string, v2: string): string {
  const root = isV1 ? `/sys/fs/cgroup/${controller}` : '/sys/fs/cgroup';
  return readFileSync(`${root}${daemon.cgroupParent}/${container}/${isV1 ? v1 : v2}`, 'utf8').trim();
}

function memoryOf(container: string): string {
  return limit(container, 'memory', 'memory.limit_in_bytes', 'memory.max');
}

test('memory goes up and down while it runs', async () => {
  for (const [memory, swap, bytes] of [
    ['150m', '300m', 150],
    ['1g', '2g', 1024],
    ['64m', '-1', 64],
    ['50m', '60m', 50],
  ] as const) {
    assert.equal(await daemon.ok(['update', '-m', memory, '--memory-swap', swap, 'web']), 'web');
    assert.equal(memoryOf(id), String(bytes * 2 ** 20));
  }
  if (isV1) assert.equal(limit(id, 'memory', 'memory.memsw.limit_in_bytes', ''), String(60 * 2 ** 20));
  const refused = await daemon.docker(['update', '-m', '200m', 'web']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Memory limit should be smaller than already set memoryswap limit/);
  assert.equal(memoryOf(id), String(50 * 2 ** 20));
});

test('processors and processes', async () => {
  await daemon.ok([
    'update',
    '--cpus',
    '0.25',
    '-c',
    '512',
    '--pids-limit',
    '33',
    '--cpuset-cpus',
    '0',
    'web',
  ]);
  assert.match(limit(id, 'cpu', 'cpu.cfs_quota_us', 'cpu.max'), /^25000\b/);
  if (isV1) assert.equal(limit(id, 'cpu', 'cpu.shares', ''), '512');
  assert.equal(limit(id, 'pids', 'pids.max', 'pids.max'), '33');
  assert.equal(limit(id, 'cpuset', 'cpuset.cpus', 'cpuset.cpus'), '0');
  assert.equal(memoryOf(id), String(50 * 2 ** 20));
  await daemon.ok(['update', '--pids-limit', '-1', 'web']);
  assert.equal(limit(id, 'pids', 'pids.max', 'pids.max'), 'max');
  const conflict = await daemon.docker(['update', '--cpu-period', '50000', 'web']);
  assert.match(conflict.stderr, /CPU Period cannot be updated as NanoCPUs has already been set/);
});

test('a paused container too', async () => {
  await daemon.ok(['pause', 'web']);
  await daemon.ok(['update', '--pids-limit', '44', 'web']);
  assert.equal(limit(id, 'pids', 'pids.max', 'pids.max'), '44');
  await daemon.ok(['unpause', 'web']);
});

test('one that does not run has it when it starts, also after the daemon was killed', async () => {
  await daemon.ok([
    'update',
    '-m',
    '32m',
    '--memory-swap',
    '64m',
    '--pids-limit',
    '21',
    '--restart',
    'on-failure:2',
    'idle',
  ]);
  await daemon.kill9();
  await daemon.launch();
  const format =
    '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}';
  assert.equal(
    await daemon.ok(['inspect', '-f', format, 'idle']),
    `${32 * 2 ** 20} ${64 * 2 ** 20} 21 on-failure`,
  );
  await daemon.ok(['start', 'idle']);
  const idle = await daemon.ok(['inspect', '-f', '{{.Id}}', 'idle']);
  assert.equal(memoryOf(idle), String(32 * 2 ** 20));
  assert.equal(limit(idle, 'pids', 'pids.max', 'pids.max'), '21');
  assert.equal(limit(id, 'pids', 'pids.max', 'pids.max'), '44');
});

test('a restart policy holds for the run that is on', async () => {
  await daemon.ok(['run', '-d', '--name', 'ends', 'busybox', 'sh', '-c', 'sleep 1; exit 3']);
  await daemon.ok(['update', '--restart', 'on-failure:1', 'ends']);
  assert.equal(await daemon.ok(['wait', 'ends']), '3');
  for (let waited = 0; waited < 5000; waited += 50) {
    if ((await daemon.ok(['inspect', '-f', '{{.RestartCount}} {{.State.Status}}', 'ends'])) === '1 exited')
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('it was not started again');
});

test('what makes no sense is refused, and changes nothing', async () => {
  await daemon.ok(['run', '-d', '--rm', '--name', 'brief', 'busybox', 'sleep', '1000']);
  const before = await daemon.ok(['inspect', '-f', '{{json .HostConfig}}', 'web']);
  for (const [args, text] of [
    [['--restart', 'always', 'brief'], /Restart policy cannot be updated because AutoRemove is enabled/],
    [['--restart', 'always:3', 'web'], /maximum retry count can only be used with 'on-failure'/],
    [['--cpuset-cpus', '4000', 'web'], /Requested CPUs are not available/],
    [['--cpus', '1000', 'web'], /Range of CPUs is from 0.01 to/],
    [['-m', '1m', '--memory-swap', '2m', 'web'], /Minimum memory limit allowed is 6MB/],
    [['--memory-reservation', '1g', 'web'], /can not be less than memory reservation/],
    [['-m', '50m', 'nope'], /No such container: nope/],
  ] as const) {
    const { code, stderr } = await daemon.docker(['update', ...args]);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, text);
  }
  assert.equal(await daemon.ok(['inspect', '-f', '{{json .HostConfig}}', 'web']), before);
  const events = await daemon.ok(['events', '--since', '1m', '--until', '0s', '--filter', 'event=update']);
  assert.ok(events.includes('container update'));
});
