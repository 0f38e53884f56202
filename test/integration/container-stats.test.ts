/** Statistics of containers: they agree with the kernel's counters, come once a second, and end with the container. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import type { StatsResponse } from '../../src/wire/stats.ts';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
  const burn = 'dd if=/dev/zero of=/dev/null bs=1k & dd if=/dev/zero of=/f bs=1k count=4096; sleep 1000';
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'busy',
    '-m',
    '100m',
    '--pids-limit',
    '20',
    'busybox',
    'sh',
    '-c',
    burn,
  ]);
  await daemon.ok(['create', '--name', 'idle', 'busybox', 'sleep', '1000']);
});
after(() => daemon.close());

interface Answer {
  status: number;
  body: string;
}

function get(path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath: daemon.socket, path: `/v1.51${path}`, timeout: 15_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer')));
    asked.end();
  });
}

async function sample(name: string, query = 'stream=0&one-shot=1'): Promise<StatsResponse> {
  const { status, body } = await get(`/containers/${name}/stats?${query}`);
  assert.equal(status, 200, body);
  return JSON.parse(body);
}

async function counter(controller: string, file: string): Promise<string> {
  const id = await daemon.ok(['inspect', '-f', '{{.Id}}', 'busy']);
  const unified = `/sys/fs/cgroup${daemon.cgroupParent}/${id}/${file}`;
  try {
    return readFileSync(`/sys/fs/cgroup/${controller}${daemon.cgroupParent}/${id}/${file}`, 'utf8').trim();
  } catch {
    return readFileSync(unified, 'utf8').trim();
  }
}

const isV1 = readFileSync('/proc/self/mountinfo', 'utf8').includes(' - cgroup cgroup ');

test('processors, memory, processes and interfaces are what the kernel counts', async () => {
  const cpu = async (): Promise<number> =>
    isV1
      ? Number(await counter('cpuacct', 'cpuacct.usage'))
      : Number(/usage_usec (\d+)/.exec(await counter('', 'cpu.stat'))?.[1]) * 1000;
  const earlier = await cpu();
  const stats = await sample('busy');
  const later = await cpu();
  const { total_usage: used } = stats.cpu_stats.cpu_usage;
  assert.ok(earlier <= used && used <= later, `${earlier} ≤ ${used} ≤ ${later}`);
  assert.ok(earlier > 0);
  const memory = Number(await counter('memory', isV1 ? 'memory.usage_in_bytes' : 'memory.current'));
  assert.ok(Math.abs((stats.memory_stats.usage ?? 0) - memory) < 2 ** 20);
  assert.equal(stats.memory_stats.limit, 100 * 2 ** 20);
  assert.ok((stats.memory_stats.stats?.['cache'] ?? stats.memory_stats.stats?.['file'] ?? 0) >= 4 * 2 ** 20);
  assert.deepEqual(stats.pids_stats, { current: Number(await counter('pids', 'pids.current')), limit: 20 });
  const shown = await daemon.ok(['exec', 'busy', 'cat', '/sys/class/net/eth0/statistics/rx_bytes']);
  assert.ok(Math.abs((stats.networks?.['eth0']?.rx_bytes ?? -1) - Number(shown)) < 5000);
  const ticks = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/).slice(1, 9).map(Number) ?? [];
  const host = ticks.reduce((sum, one) => sum + one, 0) * 1e7;
  assert.ok(Math.abs((stats.cpu_stats.system_cpu_usage ?? 0) - host) < 5e9);
  assert.equal(stats.cpu_stats.online_cpus, Number((await daemon.ok(['info', '-f', '{{.NCPU}}'])).trim()));
  assert.equal(stats.name, '/busy');
});

test('a single answer has a sample before it, one-shot has not', async () => {
  const [two, one] = await Promise.all([sample('busy', 'stream=0'), sample('busy')]);
  const apart = Date.parse(two.read) - Date.parse(two.preread);
  assert.ok(apart > 800 && apart < 2500, `${apart} ms apart`);
  assert.ok(two.cpu_stats.cpu_usage.total_usage > two.precpu_stats.cpu_usage.total_usage);
  assert.equal(one.preread, '0001-01-01T00:00:00Z');
  assert.equal(one.precpu_stats.cpu_usage.total_usage, 0);
  assert.ok(one.cpu_stats.cpu_usage.total_usage > 0);
});

test('a container that does not run has no figures, and unknown ones are refused', async () => {
  const stats = await sample('idle', 'stream=0');
  assert.equal(stats.name, '/idle');
  assert.equal(stats.read, '0001-01-01T00:00:00Z');
  assert.deepEqual(stats.memory_stats, {});
  assert.deepEqual(stats.pids_stats, {});
  assert.equal((await get('/containers/nope/stats')).status, 404);
  const both = await get('/containers/busy/stats?stream=1&one-shot=1');
  assert.equal(both.status, 400);
  assert.match(both.body, /cannot have stream=true and one-shot=true/);
});

test('streams come once a second, share their samples, and end with the container', async () => {
  await daemon.ok(['run', '-d', '--name', 'brief', '--network', 'none', 'busybox', 'sleep', '1000']);
  const streams = [get('/containers/brief/stats'), get('/containers/brief/stats')];
  await new Promise((resolve) => setTimeout(resolve, 2600));
  await daemon.ok(['rm', '-f', 'brief']);
  const [one, other] = (await Promise.all(streams)).map(({ body }) =>
    body
      .trim()
      .split('\n')
      .map((line): StatsResponse => JSON.parse(line)),
  );
  const running = (one ?? []).filter(({ read }) => !read.startsWith('0001'));
  assert.ok(running.length >= 2 && running.length <= 4, `${running.length} samples`);
  for (const [index, stats] of running.entries()) {
    if (index > 0) assert.equal(stats.preread, running[index - 1]?.read);
    assert.equal(stats.networks, undefined);
  }
  const shared = new Set(other?.map(({ read }) => read));
  assert.ok(running.filter(({ read }) => shared.has(read)).length >= 2);
});
