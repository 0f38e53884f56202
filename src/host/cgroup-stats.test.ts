/** The kernel's counters, of both versions of cgroups, from directories that look like them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readCgroupStats } from './cgroup-stats.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-cgroups-'));
after(() => rmSync(scratch, { recursive: true }));

function fill(directory: string, files: Record<string, string>): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), `${text}\n`);
}

test('version 2', async () => {
  const mountpoint = join(scratch, 'v2');
  fill(join(mountpoint, 'gantry/one'), {
    'cpu.stat':
      'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 7\nnr_throttled 2\nthrottled_usec 30',
    'memory.current': '4096',
    'memory.max': 'max',
    'memory.stat': 'anon 100\ninactive_file 50',
    'memory.events': 'low 0\noom 3\noom_kill 1',
    'pids.current': '5',
    'pids.max': 'max',
    'io.stat': '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=0 rios=1 wios=0',
  });
  const hierarchies = [{ version: 2 as const, mountpoint, controllers: ['cpu', 'memory', 'pids', 'io'] }];
  const stats = await readCgroupStats({ hierarchies }, '/gantry/one');
  assert.deepEqual(stats, {
    isV1: false,
    cpu: {
      total: 1_500_000,
      kernel: 500_000,
      user: 1_000_000,
      periods: 7,
      throttledPeriods: 2,
      throttledTime: 30_000,
    },
    memory: {
      usage: 4096,
      failures: 3,
      limit: Number.POSITIVE_INFINITY,
      stats: { anon: 100, inactive_file: 50 },
    },
    pids: { current: 5, limit: undefined },
    ioBytes: [
      { major: 8, minor: 0, operation: 'read', value: 10 },
      { major: 8, minor: 0, operation: 'write', value: 20 },
      { major: 8, minor: 16, operation: 'read', value: 1 },
      { major: 8, minor: 16, operation: 'write', value: 0 },
    ],
    ioOperations: [],
  });
});

test('version 1', async () => {
  const hierarchies = ['cpu', 'cpuacct', 'memory', 'pids', 'blkio'].map((controller) => ({
    version: 1 as const,
    mountpoint: join(scratch, controller),
    controllers: [controller],
  }));
  const group = (controller: string, files: Record<string, string>) =>
    fill(join(scratch, controller, 'gantry/one'), files);
  group('cpuacct', {
    'cpuacct.usage': '900',
    'cpuacct.usage_percpu': '400 500 ',
    'cpuacct.stat': 'user 3\nsystem 4',
  });
  group('cpu', { 'cpu.stat': 'nr_periods 1\nnr_throttled 2\nthrottled_time 3' });
  group('memory', {
    'memory.usage_in_bytes': '10',
    'memory.max_usage_in_bytes': '20',
    'memory.failcnt': '1',
    'memory.limit_in_bytes': '9223372036854771712',
    'memory.stat': 'cache 5\nhierarchical_memory_limit 9223372036854771712',
  });
  group('pids', { 'pids.current': '2', 'pids.max': '30' });
  group('blkio', {
    'blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096',
    'blkio.throttle.io_serviced_recursive': '8:0 Read 1\nTotal 1',
  });
  const stats = await readCgroupStats({ hierarchies }, '/gantry/one');
  assert.equal(stats?.isV1, true);
  assert.deepEqual(stats?.cpu, {
    total: 900,
    perCpu: [400, 500],
    kernel: 40_000_000,
    user: 30_000_000,
    periods: 1,
    throttledPeriods: 2,
    throttledTime: 3,
  });
  assert.equal(stats?.memory.limit, Number.POSITIVE_INFINITY);
  // All of its digits.
  assert.equal(stats?.memory.stats['hierarchical_memory_limit'], 9223372036854771712n);
  assert.deepEqual(stats?.pids, { current: 2, limit: 30 });
  assert.deepEqual(
    stats?.ioBytes.map(({ operation, value }) => [operation, value]),
    [
      ['Read', 4096],
      ['Write', 0],
      ['Total', 4096],
    ],
  );
  assert.equal(stats?.ioOperations.length, 1);
});

test('a cgroup that is gone has none', async () => {
  const hierarchies = [{ version: 2 as const, mountpoint: scratch, controllers: ['cpu', 'memory', 'pids'] }];
  assert.equal(await readCgroupStats({ hierarchies }, '/gantry/gone'), undefined);
});
