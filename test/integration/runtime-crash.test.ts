/** What outlives whom: shims go on without launcher and daemon, and nothing is left of a shim that was killed. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLauncher } from '../../src/host/launcher.ts';
import { ShimRuntime } from '../../src/runtime/shim-runtime.ts';
import { collect, crun, everything, Fixture, networkNamespaceOf, runc } from './runtime-fixture.ts';

let fixture: Fixture;
before(async () => {
  fixture = await Fixture.create();
});
after(async () => {
  await fixture.close();
});

const newNetwork = { kind: 'new', setup: { inside: [], outside: [] } } as const;

/** The daemon's part dies: its launcher is killed, its connections go. */
async function dropDaemon(): Promise<void> {
  const { stdout } = await fixture.launcher.run({ argv: ['sh', '-c', 'echo $PPID'] });
  process.kill(Number(stdout.toString()), 'SIGKILL');
  fixture.runtime.close();
  await fixture.launcher.close();
  fixture.launcher = await startLauncher();
  fixture.runtime = new ShimRuntime({ launcher: fixture.launcher, execRoot: fixture.execRoot });
}

test('a container goes on without its launcher and daemon, and is adopted by the next', async () => {
  const script = 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done';
  const request = fixture.request({ args: ['sh', '-c', script], network: newNetwork });
  const running = await (await fixture.runtime.prepare(request)).start();
  await dropDaemon();
  await sleep(100);
  const adopted = await fixture.runtime.adopt(request.containerId, request.processId);
  assert.ok(adopted !== undefined);
  assert.equal(adopted.pid, running.pid);
  assert.equal(adopted.shimPid, running.shimPid);
  assert.equal(adopted.startedAt, running.startedAt);
  const attachment = await adopted.attach(everything);
  for await (const { data } of attachment.output) if (data.length > 0) break;
  attachment.detach();
  await adopted.kill(9);
  assert.equal((await adopted.exited).exitCode, 137);
  await adopted.released;
  const lines = readFileSync(request.log?.path ?? '', 'utf8')
    .trimEnd()
    .split('\n');
  lines.forEach((line, index) => {
    assert.equal(JSON.parse(line).log, `${index}\n`);
  });
  assert.ok(lines.length > 5);
});

test('one that ended meanwhile left its status', async () => {
  const request = fixture.request({ args: ['sh', '-c', 'sleep 0.1; exit 5'] });
  await (await fixture.runtime.prepare(request)).start();
  await dropDaemon();
  await sleep(400);
  assert.equal(await fixture.runtime.adopt(request.containerId, request.processId), undefined);
  assert.equal((await fixture.runtime.exitStatus(request.processId))?.exitCode, 5);
  await fixture.expectNothingLeft();
});

test('one that was prepared and never started is sent away by the next daemon', async () => {
  const request = fixture.request({ args: ['true'], network: newNetwork });
  await fixture.runtime.prepare(request);
  await dropDaemon();
  assert.equal(await fixture.runtime.adopt(request.containerId, request.processId), undefined);
  await fixture.expectNothingLeft();
});

test('one whose daemon dies while the runtime starts it is adopted', async () => {
  const request = fixture.request({ args: ['sleep', '100'], network: newNetwork });
  const prepared = await fixture.runtime.prepare(request);
  prepared.start().catch(() => {});
  await dropDaemon();
  const adopted = await fixture.runtime.adopt(request.containerId, request.processId);
  await adopted?.kill(9);
  assert.equal((await adopted?.exited)?.exitCode, 137);
  await adopted?.released;
});

test('one that was prepared and never started goes by itself', async () => {
  const own = await Fixture.create();
  await own.runtime.prepare(own.request({ args: ['true'], network: newNetwork }));
  own.runtime.close();
  await sleep(5500);
  await own.close();
});

for (const runtime of [crun, runc]) {
  test(`a killed shim takes its container with it (${runtime.path})`, async () => {
    const request = fixture.request({
      args: ['sh', '-c', 'sleep 100 & sleep 100'],
      runtime,
      network: newNetwork,
    });
    const running = await (await fixture.runtime.prepare(request)).start();
    const exec = await (
      await fixture.runtime.prepare(fixture.execRequest(request, { args: ['sleep', '99'] }))
    ).start();
    process.kill(running.shimPid, 'SIGKILL');
    assert.equal((await running.exited).exitCode, 137);
    assert.equal((await exec.exited).exitCode, 137);
    await Promise.all([running.released, exec.released]);
    assert.equal(await fixture.runtime.exitStatus(request.processId), undefined);
    assert.equal(await fixture.runtime.adopt(request.containerId, request.processId), undefined);
    await fixture.expectNothingLeft();
  });
}

test('a killed shim of an exec ends the exec only', async () => {
  const request = fixture.request({ args: ['sleep', '100'] });
  const running = await (await fixture.runtime.prepare(request)).start();
  const exec = await (
    await fixture.runtime.prepare(fixture.execRequest(request, { args: ['sleep', '99'] }))
  ).start();
  process.kill(exec.shimPid, 'SIGKILL');
  assert.equal((await exec.exited).exitCode, 137);
  for (let i = 0; i < 100 && isAlive(exec.pid); i++) await sleep(10);
  assert.equal(isAlive(exec.pid), false);
  assert.equal(isAlive(running.pid), true);
  await running.kill(9);
  await running.released;
});

function killIfThere(pid: number): void {
  if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
}

/** A zombie is dead. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

test('a launcher that was killed is replaced, and shims are not hurt', async () => {
  const request = fixture.request({
    args: ['sh', '-c', 'read x; echo $x'],
    openStdin: true,
    network: newNetwork,
  });
  const prepared = await fixture.runtime.prepare(request);
  const { stdout } = await fixture.launcher.run({ argv: ['sh', '-c', 'echo $PPID'] });
  process.kill(Number(stdout.toString()), 'SIGKILL');
  await sleep(50);
  const attachment = await prepared.attach({ ...everything, stdin: true });
  const running = await prepared.start();
  assert.notEqual(networkNamespaceOf(running.pid), networkNamespaceOf('self'));
  const second = await (await fixture.runtime.prepare(fixture.request({ args: ['true'] }))).start();
  assert.equal((await second.exited).exitCode, 0);
  attachment.input?.write('word\n');
  assert.equal((await collect(attachment)).stdout, 'word\n');
  await Promise.all([running.released, second.released]);
});

test('shims are killed at random moments: every start either works or fails, and nothing is left', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const prepared = await fixture.runtime.prepare(
        fixture.request({ args: ['sleep', '0.05'], network: newNetwork }),
      );
      setTimeout(() => killIfThere(prepared.shimPid), index * 4).unref();
      try {
        const running = await prepared.start();
        await running.released;
        return (await running.exited).exitCode;
      } catch {
        return 'failed';
      }
    }),
  );
  for (const outcome of outcomes) assert.ok(['failed', 137, 0].includes(outcome));
});
