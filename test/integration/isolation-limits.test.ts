/** Limits hold: memory, processes, CPU; and what ends is counted and cleaned up. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cgroupDirectories, hierarchyOf } from '../../src/host/cgroups.ts';
import { killCgroup, memoryUse, oomKills, pidsOf, removeCgroup } from '../../src/host/cgroups-control.ts';
import { type Bench, leftoverCgroups, makeBench } from '../support/isolation-bench.ts';
import { hostFacts } from '../support/spec-input.ts';

const { cgroups } = hostFacts();

for (const runtime of ['crun', 'runc'] as const)
  describe(`limits under ${runtime}`, () => {
    let bench: Bench;
    before(() => {
      bench = makeBench(runtime);
    });
    after(async () => {
      await bench.remove();
      assert.equal(leftoverCgroups(), '');
    });

    test('a memory hog is ended by the kernel', async () => {
      // tail keeps what has no newline.
      const { exitCode } = await bench.run(['tail', '/dev/zero'], { host: { memory: 32 << 20 } });
      assert.equal(exitCode, 137);
    });

    test('a fork bomb meets its limit', async () => {
      const script = 'i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; echo made';
      const { stdout, stderr } = await bench.shell(script, { host: { pidsLimit: 20 } });
      assert.equal(stdout, '');
      assert.match(stderr, /can't fork/);
    });

    test('CPU, cpuset and memory limits reach the cgroup', async () => {
      if (cgroups.mode === 'v2') return;
      const files =
        'cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes';
      const { stdout } = await bench.shell(`cd /sys/fs/cgroup; cat ${files}`, {
        host: {
          nanoCpus: 5e8,
          cpusetCpus: '0',
          memory: 64 << 20,
          memorySwap: 96 << 20,
          memoryReservation: 32 << 20,
        },
      });
      assert.deepEqual(stdout.trim().split('\n').map(Number), [
        50_000,
        100_000,
        0,
        64 << 20,
        96 << 20,
        32 << 20,
      ]);
    });

    test('no swap beyond twice the memory where nothing is said; shares as asked', async () => {
      if (cgroups.mode === 'v2') return;
      const { stdout } = await bench.shell(
        'cd /sys/fs/cgroup; cat memory/memory.memsw.limit_in_bytes cpu/cpu.shares',
        {
          host: { memory: 16 << 20, cpuShares: 512 },
        },
      );
      assert.equal(stdout, `${32 << 20}\n512\n`);
    });
  });

describe('a cgroup from outside', () => {
  const path = `/gantry-isolation-${randomBytes(4).toString('hex')}/inner`;
  const children: Array<ReturnType<typeof spawn>> = [];
  const ended: Array<Promise<unknown>> = [];

  before(() => {
    for (const directory of cgroupDirectories(cgroups, path))
      mkdirSync(join(directory, 'deep'), { recursive: true });
    const cpuset = hierarchyOf(cgroups, 'cpuset');
    assert.ok(cpuset === undefined || existsSync(cpuset.mountpoint));
    for (const sub of ['', 'deep'])
      for (const name of ['memory', 'freezer']) {
        const child = spawn('sleep', ['600'], { stdio: 'ignore' });
        children.push(child);
        ended.push(once(child, 'exit'));
        const hierarchy = hierarchyOf(cgroups, name) ?? cgroups.hierarchies[0];
        assert.ok(hierarchy !== undefined && child.pid !== undefined);
        const [directory = ''] = cgroupDirectories({ hierarchies: [hierarchy] }, path);
        writeFileSync(join(directory, sub, 'cgroup.procs'), String(child.pid));
      }
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await removeCgroup(cgroups, path.replace('/inner', ''));
    assert.equal(leftoverCgroups(), '');
  });

  test('its processes are listed, with those of groups below, in whichever hierarchy', async () => {
    assert.deepEqual(
      await pidsOf(cgroups, path),
      children.map((child) => child.pid).sort((a = 0, b = 0) => a - b),
    );
  });

  test('its memory is told', async () => {
    const use = await memoryUse(cgroups, path);
    assert.ok(use !== undefined && use.usage >= 0);
    assert.equal(use.limit, Number.POSITIVE_INFINITY);
  });

  test('processes that the kernel ended for want of memory are counted', async () => {
    const hogPath = path.replace('inner', 'hog');
    const memory = hierarchyOf(cgroups, 'memory');
    assert.ok(memory !== undefined);
    const [directory = ''] = cgroupDirectories({ hierarchies: [memory] }, hogPath);
    mkdirSync(directory);
    assert.equal(await oomKills(cgroups, hogPath), 0);
    const limit = memory.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
    writeFileSync(join(directory, limit), String(16 << 20));
    spawnSync('sh', ['-c', 'echo $$ >"$0/cgroup.procs"; exec tail /dev/zero', directory], {
      timeout: 30_000,
    });
    assert.ok((await oomKills(cgroups, hogPath)) >= 1);
    await removeCgroup(cgroups, hogPath);
    assert.equal(await oomKills(cgroups, hogPath), 0);
  });

  test('it is killed and removed everywhere, and that twice', async () => {
    await killCgroup(cgroups, path);
    assert.deepEqual(
      await Promise.all(ended),
      children.map(() => [null, 'SIGKILL']),
    );
    await removeCgroup(cgroups, path);
    await removeCgroup(cgroups, path);
    for (const directory of cgroupDirectories(cgroups, path)) assert.ok(!existsSync(directory), directory);
    assert.deepEqual(await pidsOf(cgroups, path), []);
    assert.equal(await memoryUse(cgroups, path), undefined);
  });
});
