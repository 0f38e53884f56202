/** A thousand containers, one of them stuck in its OCI runtime: everything else goes on in milliseconds, what is stuck is said, and it can be freed. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../support/api-client.ts';
import { runProgram, TestDaemon } from '../support/daemon.ts';
import { hostSnapshot } from '../support/host-snapshot.ts';

const count = 1000;
const folder = mkdtempSync(join(tmpdir(), 'gantry-stuck-'));
/** crun that hangs at the command which the file `hang` names, as a runtime on a dead NFS mount does; `slow` delays a start. */
const program = join(folder, 'hanging-crun');
const hangAt = join(folder, 'hang');
let daemon: TestDaemon;

before(async () => {
  const crun = (await runProgram(['sh', '-c', 'command -v crun'])).stdout.trim();
  const script = `#!/bin/sh
case " $* " in *" $(cat '${hangAt}' 2>/dev/null) "*) echo 'waits for something that does not come' >&2; sleep 600;; esac
case " $* " in *" run "*) [ ! -e '${folder}/slow' ] || sleep 2;; esac
exec ${crun} "$@"
`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  daemon = await TestDaemon.start({
    config: { runtimes: { hanging: { path: program } }, 'runtime-timeout': 4 },
  });
});
after(async () => {
  rmSync(hangAt, { force: true });
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
  return await callApi(daemon.socket, method, path, body);
}

async function create(name: string, runtime = ''): Promise<string> {
  const body = {
    Image: 'busybox',
    Cmd: ['sleep', '1000'],
    HostConfig: { Runtime: runtime, NetworkMode: 'none' },
  };
  const { status, text } = await call('POST', `/containers/create?name=${name}`, body);
  assert.equal(status, 201, text);
  return JSON.parse(text).Id;
}

/** Processes whose command line has all of these words. */
async function processesWith(...words: string[]): Promise<string[]> {
  const { stdout } = await runProgram(['ps', '-eo', 'pid=,args=']);
  return stdout.split('\n').filter((line) => words.every((word) => line.includes(word)));
}

async function until(what: string, done: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !(await done()); await sleep(50)) assert.ok(Date.now() < end, what);
}

/** Milliseconds of each of `times` calls over one connection, sorted. */
async function timesOf(path: string, times: number): Promise<number[]> {
  const once = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: daemon.socket, path }, (response) => {
        response.on('end', resolve).resume();
      });
      outgoing.on('error', reject).end();
    });
  const taken: number[] = [];
  for (let index = 0; index < times; index++) {
    const began = performance.now();
    await once();
    taken.push(performance.now() - began);
  }
  return taken.sort((one, other) => one - other);
}

test('1,000 containers: lists and inspections take milliseconds while one start hangs; the limit ends it, with words', {
  timeout: 240_000,
}, async (context) => {
  for (let made = 0; made < count; made += 50)
    await Promise.all(Array.from({ length: 50 }, (_, index) => create(`many${made + index}`)));
  const linksBefore = hostSnapshot(daemon).links;
  writeFileSync(hangAt, 'run');
  const id = await create('stuck', 'hanging');
  const began = performance.now();
  const start = call('POST', '/containers/stuck/start');
  await until('the runtime hangs', async () => (await processesWith(program, id)).length > 0);
  const median = (sorted: number[]): number => sorted[sorted.length >> 1] ?? 0;
  const inspect = median(await timesOf('/v1.51/containers/stuck/json', 50));
  const other = median(await timesOf('/v1.51/containers/many7/json', 50));
  const all = JSON.parse((await call('GET', '/containers/json?all=1')).text);
  assert.equal(all.length, count + 1);
  const list = median(await timesOf('/v1.51/containers/json?all=1', 10));
  const filtered = median(await timesOf('/v1.51/containers/json?all=1&filters={"name":["many77"]}', 10));
  context.diagnostic(
    `with ${count} containers, one stuck (medians): inspect of it ${inspect.toFixed(1)} ms, of another ${other.toFixed(1)} ms, ` +
      `list of all ${list.toFixed(0)} ms, list by name ${filtered.toFixed(1)} ms`,
  );
  assert.ok(inspect < 25 && other < 25, `inspect took ${inspect} and ${other} ms`);
  assert.ok(list < 250, `the list of ${count} took ${list} ms`);
  assert.equal((await call('POST', '/containers/many1/start')).status, 204, 'another one starts');
  const { status, text } = await start;
  const took = performance.now() - began;
  assert.equal(status, 500);
  assert.match(
    text,
    /OCI runtime create failed: hanging-crun create failed: hanging-crun did not start the process within 4 s \(.*sleep \(pid \d+\) in state S.*\) and was ended; its last words: waits for something that does not come\. Find out what .*hanging-crun waits for, name another runtime with --runtime, or let it take longer with gantryd --runtime-timeout/,
  );
  assert.ok(took > 3900 && took < 30_000, `it took ${took} ms`);
  const state = JSON.parse((await call('GET', '/containers/stuck/json')).text).State;
  assert.deepEqual([state.Status, state.ExitCode], ['created', 128]);
  assert.match(state.Error, /did not start the process within 4 s/);
  assert.deepEqual(await processesWith(program), [], 'the runtime is gone');
  assert.deepEqual(hostSnapshot(daemon).links, linksBefore);
  rmSync(hangAt);
  assert.equal((await call('POST', '/containers/stuck/start')).status, 204, 'it starts once nothing hangs');
  assert.equal((await call('DELETE', '/containers/stuck?force=1')).status, 204);
});

for (const [word, method, path] of [
  ['rm -f', 'DELETE', '/containers/freed?force=1'],
  ['kill', 'POST', '/containers/freed/kill'],
] as const) {
  test(`${word} frees a container whose start hangs, and tells whoever waits for it`, async () => {
    writeFileSync(hangAt, 'run');
    const id = await create('freed', 'hanging');
    const start = call('POST', '/containers/freed/start');
    await until('the runtime hangs', async () => (await processesWith(program, id)).length > 0);
    const began = performance.now();
    assert.equal((await call(method, path)).status, 204);
    assert.ok(performance.now() - began < 3000);
    const told = await start;
    assert.equal(told.status, 500);
    assert.match(told.text, /hanging-crun create failed: the start was given up/);
    assert.deepEqual(await processesWith(program), []);
    rmSync(hangAt);
    await call('DELETE', '/containers/freed?force=1');
  });
}

test('a start that is slow but ends within the limit is left alone', async () => {
  writeFileSync(join(folder, 'slow'), '');
  await create('slow', 'hanging');
  assert.equal((await call('POST', '/containers/slow/start')).status, 204);
  rmSync(join(folder, 'slow'));
  assert.equal((await call('DELETE', '/containers/slow?force=1')).status, 204);
});

test('a stop whose `delete` hangs: the end is known at once, and what hangs is ended', {
  timeout: 90_000,
}, async () => {
  const id = await create('undeletable', 'hanging');
  assert.equal((await call('POST', '/containers/undeletable/start')).status, 204);
  writeFileSync(hangAt, 'delete');
  const stopped = call('POST', '/containers/undeletable/stop?t=0');
  await until('the runtime hangs', async () => (await processesWith(program, 'delete')).length > 0);
  const state = JSON.parse((await call('GET', '/containers/undeletable/json')).text).State;
  assert.deepEqual([state.Status, state.ExitCode], ['exited', 137]);
  assert.equal((await stopped).status, 204);
  assert.deepEqual(await processesWith(program), []);
  const groups = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .filter(([, mountpoint]) => existsSync(`${mountpoint}${daemon.cgroupParent}/${id}`));
  assert.deepEqual(groups, [], 'its cgroups are gone');
  rmSync(hangAt);
  assert.equal((await call('DELETE', '/containers/undeletable')).status, 204);
});
