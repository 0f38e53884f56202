/** What an engine finds when it is opened again: nothing is lost, nothing is left. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachContainer } from '../../src/engine/attach.ts';
import type { Container } from '../../src/engine/container-table.ts';
import { createExec, startExec } from '../../src/engine/exec.ts';
import { pauseContainer, unpauseContainer } from '../../src/engine/pause.ts';
import { removeContainer } from '../../src/engine/remove.ts';
import { startContainer } from '../../src/engine/start.ts';
import { stopContainer } from '../../src/engine/stop.ts';
import { waitContainer } from '../../src/engine/wait.ts';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { cgroupDirectories } from '../../src/host/cgroups.ts';
import { TestEngine, textOf } from '../support/engine.ts';

let bench: TestEngine;
before(async () => {
  bench = await TestEngine.start();
});
after(() => bench.close());

const force = { force: true, volumes: true, link: false };
const always = { restartPolicy: { name: 'always', maximumRetryCount: 0 } } as const;

function find(id: string): Container {
  return bench.engine.containers.resolve(id);
}

test('a running container is found, attached to, and its end is noticed', async () => {
  const id = await bench.run(['sh', '-c', 'read x; echo got $x; exit 6'], {
    config: { openStdin: true, attachStdin: true },
  });
  const pid = find(id).process?.pid;
  await bench.reopen();
  assert.equal(find(id).state.status, 'running');
  assert.equal(find(id).process?.pid, pid);
  assert.ok(bench.engine.bridge.endpoint(id) !== undefined);
  const exec = await createExec(bench.engine, id, {
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    tty: false,
    env: [],
    cmd: ['echo', 'there'],
    privileged: false,
    user: '',
    workingDir: '',
  });
  const beside = await startExec(bench.engine, exec, { detach: false, tty: false });
  assert.equal(beside && (await textOf(beside.output)), 'there\n');
  const session = await attachContainer(bench.engine, id, {
    stdin: true,
    stdout: true,
    stderr: true,
    logs: false,
    stream: true,
  });
  const output = textOf(session.output);
  const ended = waitContainer(bench.engine, id, 'next-exit').result;
  session.input?.write('word\n');
  assert.equal(await output, 'got word\n');
  assert.deepEqual(await ended, { exitCode: 6 });
  await removeContainer(bench.engine, id, force);
});

test('ends while there was no engine are learnt, with their codes; --rm is obeyed', async () => {
  const id = await bench.run(['sh', '-c', 'sleep 0.3; exit 42']);
  const gone = await bench.run(['sh', '-c', 'sleep 0.3'], { host: { autoRemove: true } });
  await bench.reopen(() => sleep(1000));
  const { state } = find(id);
  assert.ok(state.status === 'exited' && state.exitCode === 42);
  assert.ok(state.finishedAt > state.startedAt && state.finishedAt < Date.now() - 300);
  await until(() => bench.engine.containers.find(gone) === undefined);
  await removeContainer(bench.engine, id, force);
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 250; tries += 1) {
    if (condition()) return;
    await sleep(20);
  }
  assert.fail('it did not happen within five seconds');
}

test('a container whose shim was killed has ended with 137, and nothing of it runs', async () => {
  const id = await bench.run(['sleep', '1000']);
  const live = await bench.run(['sleep', '1000']);
  const { pid = 0, shimPid = 0 } = find(id).process ?? {};
  const lost = find(live).process?.shimPid ?? 0;
  await bench.reopen(() => void process.kill(shimPid, 'SIGKILL'));
  const { state } = find(id);
  assert.ok(state.status === 'exited' && state.exitCode === 137);
  assert.ok(hasEnded(pid));
  const ended = waitContainer(bench.engine, live, 'not-running').result;
  process.kill(lost, 'SIGKILL');
  assert.deepEqual(await ended, { exitCode: 137 });
  for (const one of [id, live]) await removeContainer(bench.engine, one, force);
});

/** Gone, or waiting for its parent (the host's first process may take its time). */
function hasEnded(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test('whether a container is paused is what the kernel says', async () => {
  const id = await bench.run(['sleep', '1000']);
  await pauseContainer(bench.engine, id);
  await bench.reopen();
  assert.equal(find(id).state.status, 'paused');
  await unpauseContainer(bench.engine, id);
  assert.equal(find(id).state.status, 'running');
  await pauseContainer(bench.engine, id);
  const { pid = 0, startedAt = 0 } = find(id).process ?? {};
  bench.engine.containers.setState(find(id), { status: 'running', pid, startedAt });
  await bench.reopen();
  assert.equal(find(id).state.status, 'paused');
  await removeContainer(bench.engine, id, force);
});

test('a paused container whose shim was killed is ended all the same', async () => {
  const seen = await bench.run(['sleep', '1000']);
  const unseen = await bench.run(['sleep', '1000']);
  const pids = [seen, unseen].map((id) => find(id).process?.pid ?? 0);
  for (const id of [seen, unseen]) await pauseContainer(bench.engine, id);
  const ended = waitContainer(bench.engine, seen, 'next-exit').result;
  process.kill(find(seen).process?.shimPid ?? 0, 'SIGKILL');
  assert.deepEqual(await ended, { exitCode: 137 });
  const { shimPid = 0 } = find(unseen).process ?? {};
  await bench.reopen(() => void process.kill(shimPid, 'SIGKILL'));
  const { state } = find(unseen);
  assert.ok(state.status === 'exited' && state.exitCode === 137);
  await until(() => pids.every(hasEnded));
  for (const id of [seen, unseen]) await removeContainer(bench.engine, id, force);
});

test('restart policies are obeyed when the engine starts', async () => {
  const wanted = await bench.run(['sh', '-c', 'sleep 0.2; exit 1'], { host: always });
  const stopped = await bench.run(['sleep', '1000'], {
    host: { restartPolicy: { name: 'unless-stopped', maximumRetryCount: 0 } },
  });
  const asked = await bench.run(['sleep', '1000'], { host: always });
  for (const id of [stopped, asked]) await stopContainer(bench.engine, id, { timeoutSeconds: 0 });
  await bench.reopen(() => sleep(500));
  await until(() => find(wanted).process !== undefined && find(asked).process !== undefined);
  assert.equal(find(stopped).state.status, 'exited');
  for (const id of [wanted, stopped, asked]) await removeContainer(bench.engine, id, force);
});

test('what belongs to nothing is taken away', async () => {
  const stray = 'f'.repeat(64);
  const { dataRoot, execRoot } = bench.config;
  const places = [
    join(dataRoot, 'containers'),
    join(execRoot, 'bundles'),
    join(execRoot, 'shims'),
    join(execRoot, 'shm'),
  ];
  await bench.engine.snapshots.create(stray, []);
  await bench.engine.bridge.connect({ containerId: stray, ports: [] });
  await bench.reopen(() => {
    for (const place of places) mkdirSync(join(place, stray), { recursive: true });
  });
  for (const place of places) assert.deepEqual(readdirSync(place), [], place);
  assert.deepEqual(bench.engine.snapshots.containers(), []);
  assert.deepEqual(bench.engine.bridge.endpoints(), []);
});

test('a removal that was cut short is finished', async () => {
  const id = await bench.create(['true']);
  const { containers } = bench.engine;
  containers.setState(find(id), { status: 'removing', previous: 'created', exitCode: 0 });
  await bench.reopen();
  await until(() => bench.engine.containers.find(id) === undefined);
  await assert.rejects(startContainer(bench.engine, id), (error: unknown) =>
    isEngineError(error, 'not-found'),
  );
});

test('a container that was forgotten and whose shim was killed before it gave everything back', async () => {
  const id = await bench.run(['sleep', '1000']);
  const { pid = 0, shimPid = 0 } = find(id).process ?? {};
  const { host } = bench.engine;
  const cgroup = cgroupDirectories(host.cgroups, `/${bench.config.cgroupParent}/${id}`);
  assert.ok(cgroup.some((directory) => existsSync(directory)));
  bench.engine.containers.delete(find(id));
  await bench.reopen(() => void process.kill(shimPid, 'SIGKILL'));
  assert.ok(hasEnded(pid));
  assert.deepEqual(
    cgroup.filter((directory) => existsSync(directory)),
    [],
  );
  assert.deepEqual(readdirSync(join(bench.config.execRoot, 'bundles')), []);
  assert.deepEqual(bench.engine.bridge.endpoints(), []);
});
