/** The life of containers in the engine: made, started, watched, ended, removed. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachContainer } from '../../src/engine/attach.ts';
import { containerFiles } from '../../src/engine/paths.ts';
import { pauseContainer, unpauseContainer } from '../../src/engine/pause.ts';
import { pruneContainers } from '../../src/engine/prune.ts';
import { removeContainer } from '../../src/engine/remove.ts';
import { renameContainer } from '../../src/engine/rename.ts';
import { startContainer } from '../../src/engine/start.ts';
import { killContainer, restartContainer, stopContainer } from '../../src/engine/stop.ts';
import { waitContainer } from '../../src/engine/wait.ts';
import { type ErrorCode, isEngineError } from '../../src/errors/engine-error.ts';
import { type Asked, TestEngine, textOf } from '../support/engine.ts';

let bench: TestEngine;
before(async () => {
  bench = await TestEngine.start();
});
after(() => bench.close());

const force = { force: true, volumes: true, link: false };
const gentle = { force: false, volumes: false, link: false };
/** Ends with 7 on TERM. */
const obedient = ['sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.05; done'];

function failsWith(code: ErrorCode, text: string | RegExp): (error: unknown) => boolean {
  return (error) => {
    if (!isEngineError(error)) return false;
    assert.equal(error.code, code, error.message);
    if (typeof text === 'string') assert.equal(error.message, text);
    else assert.match(error.message, text);
    return true;
  };
}

test('all that a short process says reaches who attached before its start, and its exit code who waits', async () => {
  const id = await bench.create(['sh', '-c', 'echo out; echo err >&2; exit 3'], {
    host: { autoRemove: true },
  });
  const removed = waitContainer(bench.engine, id, 'removed');
  const output = await bench.output(id);
  assert.deepEqual(output.split('\n').sort(), ['', 'err', 'out']);
  assert.deepEqual(await removed.result, { exitCode: 3 });
  assert.equal(bench.engine.containers.find(id), undefined);
  /* Its last traces may go a moment later. */
  await until(() => !existsSync(containerFiles(bench.config, id).directory));
  assert.equal(bench.engine.bridge.endpoint(id), undefined);
});

test('standard input reaches the process whole, and its end too', async () => {
  const id = await bench.create(['cat'], { config: { openStdin: true, stdinOnce: true, attachStdin: true } });
  const text = 'a line\n'.repeat(100_000);
  const ended = waitContainer(bench.engine, id, 'next-exit').result;
  assert.equal(await bench.output(id, text), text);
  assert.deepEqual(await ended, { exitCode: 0 });
  await removeContainer(bench.engine, id, gentle);
});

test('a start reports its six steps', async () => {
  const id = await bench.create(['true']);
  const report = await startContainer(bench.engine, id);
  assert.deepEqual(
    report.steps.map((step) => step.name),
    ['image', 'create', 'network', 'address', 'process', 'output'],
  );
  for (const { name, ms } of report.steps) assert.ok(ms >= 0 && ms <= report.totalMs, name);
  await removeContainer(bench.engine, id, force);
});

test('stop asks, waits, and then kills; a stopped container is not stopped again', async () => {
  const id = await bench.run(obedient);
  await stopContainer(bench.engine, id);
  assert.equal(stateOf(id).exitCode, 7);
  await assert.rejects(stopContainer(bench.engine, id), failsWith('not-modified', /already stopped/));
  await startContainer(bench.engine, id);
  await assert.rejects(startContainer(bench.engine, id), failsWith('not-modified', /already started/));
  await killContainer(bench.engine, id, 'KILL');
  assert.equal(stateOf(id).exitCode, 137);
  await removeContainer(bench.engine, id, gentle);

  const deaf = await bench.run(['sleep', '100'], { config: { stopSignal: 'SIGUSR1', stopTimeout: 0 } });
  const began = performance.now();
  await stopContainer(bench.engine, deaf);
  assert.ok(performance.now() - began < 5000);
  assert.equal(stateOf(deaf).exitCode, 137);
  await removeContainer(bench.engine, deaf, gentle);
});

function stateOf(id: string): { status: string; exitCode?: number } {
  return bench.engine.containers.resolve(id).state;
}

test('what does not run cannot be killed, what runs cannot be removed without force', async () => {
  const id = await bench.run(['sleep', '100'], { name: 'life-a' });
  await assert.rejects(
    removeContainer(bench.engine, 'life-a', gentle),
    failsWith(
      'conflict',
      'cannot remove container "/life-a": container is running: stop the container before removing or force remove',
    ),
  );
  await killContainer(bench.engine, id, '9');
  await assert.rejects(
    killContainer(bench.engine, 'life-a', 'TERM'),
    failsWith('conflict', `cannot kill container: life-a: container ${id} is not running`),
  );
  await removeContainer(bench.engine, id, gentle);
  await assert.rejects(
    removeContainer(bench.engine, id, gentle),
    failsWith('not-found', `No such container: ${id}`),
  );
});

test('two removals at once: one does it, the other is told', async () => {
  const id = await bench.run(['sleep', '100']);
  const outcomes = await Promise.allSettled([
    removeContainer(bench.engine, id, force),
    removeContainer(bench.engine, id, force),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

test('a paused container takes no exec and no start, and can be killed', async () => {
  const id = await bench.run(['sleep', '100']);
  await pauseContainer(bench.engine, id);
  assert.equal(stateOf(id).status, 'paused');
  await assert.rejects(pauseContainer(bench.engine, id), failsWith('conflict', /is already paused$/));
  await assert.rejects(
    startContainer(bench.engine, id),
    failsWith('conflict', 'cannot start a paused container, try unpause instead'),
  );
  await unpauseContainer(bench.engine, id);
  await assert.rejects(unpauseContainer(bench.engine, id), failsWith('conflict', /is not paused$/));
  await pauseContainer(bench.engine, id);
  await killContainer(bench.engine, id, 'KILL');
  assert.equal(stateOf(id).exitCode, 137);
  await removeContainer(bench.engine, id, gentle);
});

test('a restart keeps a container of --rm', async () => {
  const id = await bench.run(obedient, { host: { autoRemove: true } });
  const before = bench.engine.containers.resolve(id).process?.pid;
  await restartContainer(bench.engine, id);
  const { state, process } = bench.engine.containers.resolve(id);
  assert.equal(state.status, 'running');
  assert.notEqual(process?.pid, before);
  const removed = waitContainer(bench.engine, id, 'removed');
  await stopContainer(bench.engine, id);
  assert.deepEqual(await removed.result, { exitCode: 7 });
});

test('names change, and are free again', async () => {
  const id = await bench.create(['true'], { name: 'life-old' });
  const other = await bench.create(['true'], { name: 'life-other' });
  await renameContainer(bench.engine, 'life-old', '/life-new');
  assert.equal(bench.engine.containers.resolve('life-new').id, id);
  await assert.rejects(
    renameContainer(bench.engine, 'life-new', 'life-other'),
    failsWith('conflict', new RegExp(`already in use by container "${other}"`)),
  );
  await assert.rejects(
    renameContainer(bench.engine, 'life-new', 'life-new'),
    failsWith('invalid-argument', 'Renaming a container with the same name as its current name'),
  );
  await renameContainer(bench.engine, 'life-other', 'life-old');
  for (const one of [id, other]) await removeContainer(bench.engine, one, gentle);
});

test('a command that is missing leaves the reason and 127, and nothing on the host', async () => {
  const id = await bench.create(['no-such-command']);
  await assert.rejects(
    startContainer(bench.engine, id),
    failsWith('invalid-argument', /exec: "no-such-command": executable file not found in \$PATH/),
  );
  const state = bench.engine.containers.resolve(id).state;
  assert.ok(state.status === 'created' && state.exitCode === 127);
  assert.match(state.error ?? '', /executable file not found/);
  assert.equal(bench.engine.bridge.endpoint(id), undefined);
  for (const kind of ['bundles', 'shims'])
    assert.ok(!readdirSync(`${bench.config.execRoot}/${kind}`).includes(id), kind);
  await removeContainer(bench.engine, id, gentle);
});

test('a creation that fails leaves nothing', async () => {
  const { engine, config } = bench;
  const before = [engine.containers.list().length, engine.snapshots.containers().length];
  const attempts: Array<[Asked, ErrorCode, string | RegExp]> = [
    [{ config: { image: 'nowhere' } }, 'not-found', 'No such image: nowhere:latest'],
    [{ name: '-x' }, 'invalid-argument', /^Invalid container name \(-x\)/],
    [{ config: { workingDir: 'x' } }, 'invalid-argument', /needs to be an absolute path/],
    [{ host: { networkMode: 'container:lan' } }, 'invalid-argument', 'No such container: lan'],
    [{ host: { runtime: 'x' } }, 'invalid-argument', 'unknown or invalid runtime name: x'],
    [{ config: { volumes: ['/v'] }, host: { binds: ['/tmp:x'] } }, 'invalid-argument', /invalid/],
    [
      { host: { autoRemove: true, restartPolicy: { name: 'always', maximumRetryCount: 0 } } },
      'invalid-argument',
      "can't create 'AutoRemove' container with restart policy",
    ],
  ];
  for (const [asked, code, text] of attempts)
    await assert.rejects(bench.create(['true'], asked), failsWith(code, text));
  await pruneContainers(engine, new Map());
  assert.deepEqual([engine.containers.list().length, engine.snapshots.containers().length], before);
  assert.deepEqual(readdirSync(`${config.dataRoot}/containers`), []);
  assert.deepEqual(engine.volumes.list(), []);
});

test('on-failure tries as often as told, and a stop ends a policy', async () => {
  const failing = await bench.run(['sh', '-c', 'exit 4'], {
    host: { restartPolicy: { name: 'on-failure', maximumRetryCount: 2 } },
  });
  await until(() => stateOf(failing).status === 'exited');
  assert.equal(bench.engine.containers.resolve(failing).record.restartCount, 2);
  assert.equal(stateOf(failing).exitCode, 4);

  const always = await bench.run(['sh', '-c', 'sleep 0.05'], {
    host: { restartPolicy: { name: 'always', maximumRetryCount: 0 } },
  });
  await until(() => bench.engine.containers.resolve(always).record.restartCount >= 2);
  await stopContainer(bench.engine, always, { timeoutSeconds: 0 });
  assert.equal(stateOf(always).status, 'exited');
  await sleep(300);
  assert.equal(stateOf(always).status, 'exited');
  for (const id of [failing, always]) await removeContainer(bench.engine, id, gentle);
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (condition()) return;
    await sleep(20);
  }
  assert.fail('it did not happen within ten seconds');
}

test('the end for want of memory is noticed', async () => {
  const limit = 24 * 1024 * 1024;
  const id = await bench.run(['tail', '/dev/zero'], { host: { memory: limit, memorySwap: limit } });
  assert.deepEqual(await waitContainer(bench.engine, id, 'not-running').result, { exitCode: 137 });
  const { state } = bench.engine.containers.resolve(id);
  assert.ok(state.status === 'exited' && state.oomKilled);
  await removeContainer(bench.engine, id, gentle);
});

test('a terminal is left by its keys, found again, and shows what it showed', async () => {
  const id = await bench.create(['sh'], {
    config: { tty: true, openStdin: true, stdinOnce: true, attachStdin: true },
    host: { consoleSize: [33, 99] },
  });
  const streams = { stdin: true, stdout: true, stderr: true, stream: true };
  const first = await attachContainer(bench.engine, id, { ...streams, logs: false });
  const shown = textOf(first.output);
  await startContainer(bench.engine, id);
  first.input?.write('stty size; echo left\n');
  await sleep(300);
  first.input?.write('\x10');
  first.input?.write('\x11');
  assert.match(await shown, /33 99/);
  assert.equal(stateOf(id).status, 'running');
  const second = await attachContainer(bench.engine, id, { ...streams, logs: true, detachKeys: 'ctrl-a' });
  const all = textOf(second.output);
  second.input?.write('exit 9\n');
  assert.match(await all, /33 99[\s\S]*exit 9/);
  assert.equal(stateOf(id).exitCode, 9);
  await removeContainer(bench.engine, id, gentle);
});

test('a container shares the network of another', async () => {
  const owner = await bench.run(['sleep', '100'], { config: { hostname: 'owner' } });
  const id = await bench.create(['sh', '-c', 'hostname; ip -4 -o addr show eth0; cat /etc/hosts'], {
    host: { networkMode: `container:${owner}` },
  });
  const output = await bench.output(id);
  const address = bench.engine.bridge.endpoint(owner)?.ipAddress ?? 'none';
  assert.ok(output.startsWith('owner\n'), output);
  assert.equal(output.split(address).length - 1, 2, 'the interface and the line of hosts');
  await removeContainer(bench.engine, owner, force);
  await assert.rejects(
    startContainer(bench.engine, id),
    failsWith('not-found', `No such container: ${owner}`),
  );
  await removeContainer(bench.engine, id, gentle);
});

test('a hundred starts at once are all right', { timeout: 60_000 }, async () => {
  const codes = Array.from({ length: 100 }, (_, index) => index % 50);
  const results = await Promise.all(
    codes.map(async (code) => {
      const id = await bench.create(['sh', '-c', `echo ${code}; exit ${code}`], {
        host: { autoRemove: true },
      });
      const removed = waitContainer(bench.engine, id, 'removed');
      return { output: await bench.output(id), ...(await removed.result) };
    }),
  );
  assert.deepEqual(
    results,
    codes.map((code) => ({ output: `${code}\n`, exitCode: code })),
  );
  await until(() => bench.engine.bridge.endpoints().length === 0);
});
