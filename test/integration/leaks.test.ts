/** Nothing leaks: not after rm -f of everything, not after kill -9 of daemon and shims at random moments. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';
import { type HostSnapshot, hostSnapshot } from '../support/host-snapshot.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

/** The snapshot without the daemon's own processes. */
function held(): HostSnapshot & { directories: string[] } {
  const snapshot = hostSnapshot({ root: daemon.root, cgroupParent: daemon.cgroupParent });
  const own = (line: string): boolean => line.includes('gantryd') || line.includes('launcher');
  const directories = [
    'data/containers',
    'data/overlay/containers',
    'exec/shims',
    'exec/bundles',
    'exec/runtimes/crun',
    'exec/runtimes/runc',
  ].flatMap((path) => {
    try {
      return readdirSync(`${daemon.root}/${path}`).map((name) => `${path}/${name}`);
    } catch {
      return [];
    }
  });
  return { ...snapshot, processes: snapshot.processes.filter((line) => !own(line)), directories };
}

/** Waits until nothing is held beyond `expected`; the last difference is the failure. */
async function settlesTo(expected: ReturnType<typeof held>): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 100) {
    try {
      assert.deepEqual(held(), expected);
      return;
    } catch {
      await sleep(100);
    }
  }
  assert.deepEqual(held(), expected);
}

function networkNamespaces(): number {
  const namespaces = new Set<string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n'))
    if (line.includes('nsfs')) namespaces.add(line);
  return namespaces.size;
}

function mapElements(): string {
  return hostTable().replaceAll(/\s+/g, ' ');
}

function hostTable(): string {
  return execFileSync('nft', ['list', 'ruleset']).toString();
}

async function startSome(count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      daemon.ok([
        'run',
        '-d',
        '-p',
        '127.0.0.1::80',
        '-v',
        '/data',
        '--name',
        `c${index}`,
        'busybox',
        'sleep',
        '1000',
      ]),
    ),
  );
}

test('after rm -f of everything the host is as it was', async () => {
  const before = held();
  const rules = mapElements();
  const namespaces = networkNamespaces();
  const ids = await startSome(5);
  await daemon.ok(['exec', '-d', 'c0', 'sleep', '500']);
  assert.notDeepEqual(held().links, before.links, 'the test sees what a container holds');
  assert.notEqual(mapElements(), rules);
  await daemon.ok(['rm', '-f', '-v', ...ids]);
  await settlesTo(before);
  assert.equal(mapElements(), rules);
  assert.equal(networkNamespaces(), namespaces);
});

/** Pids of this daemon's shims (not the launcher). */
function shims(): number[] {
  return hostSnapshot({ root: daemon.root, cgroupParent: daemon.cgroupParent })
    .processes.filter((line) => line.includes('gantry-shim') && !line.includes('launcher'))
    .map((line) => Number(line.split(' ')[0]));
}

test('a shim that is killed takes its container with it, and the daemon says so', async () => {
  const before = held();
  await daemon.ok(['run', '-d', '--name', 'orphan', 'busybox', 'sleep', '1000']);
  const [shim] = shims();
  assert.ok(shim !== undefined);
  process.kill(shim, 'SIGKILL');
  assert.equal(await daemon.ok(['wait', 'orphan']), '137');
  await daemon.ok(['rm', 'orphan']);
  await settlesTo(before);
});

test('kill -9 of daemon and shims at random moments, then a restart: all is repaired', {
  timeout: 240_000,
}, async () => {
  const before = held();
  const rules = mapElements();
  for (let round = 0; round < 6; round += 1) {
    const starting = startSome(6).catch(() => []);
    await sleep(20 + Math.random() * 400);
    await daemon.kill9();
    for (const pid of shims()) if (Math.random() < 0.5) process.kill(pid, 'SIGKILL');
    await starting;
    await daemon.launch();
    const listed = (await daemon.ok(['ps', '-aq', '--no-trunc'])).split('\n').filter(Boolean);
    const running = (await daemon.ok(['ps', '-q', '--no-trunc'])).split('\n').filter(Boolean);
    for (const id of running)
      assert.equal(await daemon.ok(['exec', id, 'echo', 'alive']), 'alive', `round ${round}`);
    if (listed.length > 0) await daemon.ok(['rm', '-f', '-v', ...listed]);
    await settlesTo(before);
    assert.equal(mapElements(), rules, `round ${round}`);
  }
  assert.equal(await daemon.ok(['volume', 'ls', '-q']), '', 'anonymous volumes went with their containers');
});
