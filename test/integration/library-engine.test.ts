/** The embedded engine: a whole day's work in memory, its life over several openings, and nothing left of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine, type EmbeddedEngine, isEngineError } from '../../src/bin/engine-library.ts';
import type { Client } from '../../src/client/client.ts';
import { drain } from '../../src/client/progress-stream.ts';
import { busyboxArchive } from '../support/image-fixtures.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function dataRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-embedded-test-'));
  folders.push(folder);
  return folder;
}

async function withBusybox(engine: EmbeddedEngine): Promise<Client> {
  const client = engine.client();
  await drain(client.images.load(busyboxArchive()));
  return client;
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n');
}

/** What the host holds of an engine whose exec root is the usual one: everything bears the ID in its name. */
function traces({ execRoot, dataRoot }: Pick<EmbeddedEngine, 'execRoot' | 'dataRoot'>): string[] {
  const id = basename(execRoot);
  const links = readdirSync('/sys/class/net').filter((name) => {
    const alias = `/sys/class/net/${name}/ifalias`;
    return name.includes(id) || (existsSync(alias) && readFileSync(alias, 'utf8').includes(id));
  });
  const tables = execFileSync('nft', ['list', 'tables']).toString().split('\n');
  const cgroups = ['/sys/fs/cgroup', '/sys/fs/cgroup/*'].flatMap((root) =>
    globSync(`${root}/gantry-embedded-${id}`),
  );
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => (existsSync(`/proc/${pid}/cmdline`) ? readProcess(pid) : ''));
  const holding = (lines: readonly string[], ...words: string[]): string[] =>
    lines.filter((line) => words.some((word) => line.includes(word)));
  return [
    ...links,
    ...holding(tables, id),
    ...cgroups,
    ...holding(processes, execRoot, dataRoot),
    ...holding(linesOf('/proc/self/mountinfo'), execRoot, dataRoot),
    ...holding(linesOf('/proc/net/unix'), execRoot, dataRoot),
    ...(existsSync(execRoot) ? [execRoot] : []),
    ...ownHelpers(),
  ];
}

function readProcess(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Native helpers that this process has started. */
function ownHelpers(): string[] {
  const children = execFileSync('ps', ['-o', 'args=', '--ppid', String(process.pid)])
    .toString()
    .split('\n');
  return children.filter((line) => line.includes('gantry-shim'));
}

/** Whatever goes by itself (veth pairs of containers that have ended) is gone in a moment. */
async function leavesNothing(engine: EmbeddedEngine): Promise<void> {
  for (let waited = 0; waited < 3000 && traces(engine).length > 0; waited += 50) await sleep(50);
  assert.deepEqual(traces(engine), []);
}

test('a day in memory: images, runs, streams both ways, archives, events; then nothing is left', async () => {
  const engine = await createEngine();
  const client = await withBusybox(engine);
  const events: string[] = [];
  const watch = new AbortController();
  const watching = (async () => {
    for await (const { Type, Action } of client.system.events({ signal: watch.signal }))
      events.push(`${Type} ${Action}`);
  })();
  const ran = await client.containers.run(
    { Image: 'busybox', Cmd: ['sh', '-c', 'cat; echo no >&2; exit 3'] },
    { input: 'yes' },
  );
  assert.deepEqual(ran, { stdout: 'yes', stderr: 'no\n', exitCode: 3 });
  const large = Buffer.alloc(5_000_000, 'abcdefghi\n');
  const copied = await client.containers.run({ Image: 'busybox', Cmd: ['cat'] }, { input: large });
  assert.equal(copied.stdout, large.toString());

  const idle = 'trap "exit 0" TERM; while :; do sleep 0.1; done';
  const { Id } = await client.containers.create(
    { Image: 'busybox', Cmd: ['sh', '-c', idle], Tty: true },
    { name: 'work' },
  );
  assert.equal(await client.containers.start(Id), true);
  const exec = await client.containers.exec('work', {
    Cmd: ['sh', '-c', 'read a; echo "got $a"; exit 4'],
    AttachStdin: true,
  });
  await exec.write('that\n');
  exec.end();
  assert.deepEqual(await exec.text(), { stdout: 'got that\n', stderr: '' });
  assert.equal(await exec.exitCode(), 4);
  const { stat, content } = await client.containers.archives.get('work', '/etc/passwd');
  assert.equal(stat.name, 'passwd');
  await client.containers.archives.put('work', '/tmp', content);
  const shown = await client.containers.exec('work', { Cmd: ['head', '-n', '1', '/tmp/passwd'] });
  assert.match((await shown.text()).stdout, /^root:/);
  const { NetworkSettings } = await client.containers.inspect('work');
  assert.match(NetworkSettings.Networks['bridge']?.IPAddress ?? '', /^\d+\.\d+\.\d+\.\d+$/);

  watch.abort(new Error('seen enough'));
  await assert.rejects(watching, { message: 'seen enough' });
  for (const event of [
    'container create',
    'container attach',
    'container die',
    'container destroy',
    'network connect',
  ])
    assert.ok(events.includes(event), `${event} is not in ${events.join()}`);
  assert.ok(
    traces(engine).length > 0,
    'an engine with a container that runs leaves no trace: the look is wrong',
  );
  await engine.close();
  await leavesNothing(engine);
  assert.equal(existsSync(engine.dataRoot), false);
});

test('the API listens nowhere', async () => {
  const engine = await createEngine({ bridge: 'none' });
  await withBusybox(engine);
  const sockets = linesOf('/proc/net/unix').filter((line) => line.includes(basename(engine.execRoot)));
  const listening = process.getActiveResourcesInfo().filter((name) => /Server/.test(name));
  await engine.close();
  assert.deepEqual([sockets, listening], [[], []]);
});

test('a container outlives its engine, and the next one of the data root has it, and ends it', async () => {
  const options = { dataRoot: dataRoot(), subnet: `10.${218 + (process.pid % 4)}.${process.pid % 250}.1/24` };
  const first = await createEngine(options);
  const client = await withBusybox(first);
  await client.networks.create({ Name: 'own' });
  const loop = 'trap "exit 7" TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done';
  const { Id } = await client.containers.create({
    Image: 'busybox',
    Cmd: ['sh', '-c', loop],
    HostConfig: { NetworkMode: 'own' },
  });
  await client.containers.start(Id);
  const { State } = await client.containers.inspect(Id);
  await first.close();
  await first.close();
  assert.match(readFileSync(`/proc/${State.Pid}/cmdline`, 'utf8'), /^sh/);

  const second = await createEngine({ ...options, stopContainers: true });
  const again = second.client();
  const found = await again.containers.inspect(Id);
  assert.deepEqual([found.State.Running, found.State.Pid], [true, State.Pid]);
  const bridge = await again.networks.inspect('bridge');
  assert.equal(bridge.IPAM.Config?.[0]?.Gateway, options.subnet.replace('/24', ''));
  let lines = 0;
  for await (const { data } of again.containers.logs(Id, { follow: true, tail: 1 })) {
    assert.match(data.toString(), /^\d+\n$/);
    lines += 1;
    if (lines === 3) break;
  }
  await second.close();
  await leavesNothing(second);

  const third = await createEngine(options);
  const { State: ended } = await third.client().containers.inspect(Id);
  assert.deepEqual([ended.Running, ended.ExitCode], [false, 7]);
  assert.deepEqual((await third.client().networks.list({ filters: { name: 'own' } })).length, 1);
  await third.close();
  await leavesNothing(third);
});

test('two engines at once know nothing of each other, and one data root has one engine', async () => {
  const root = dataRoot();
  await using one = await createEngine({ dataRoot: root });
  await using other = await createEngine();
  const client = await withBusybox(one);
  await client.containers.create({ Image: 'busybox' }, { name: 'same' });
  assert.deepEqual(await other.client().containers.list({ all: true }), []);
  await assert.rejects(createEngine({ dataRoot: root }), {
    code: 'conflict',
    message: /another daemon uses the data root/,
  });
  await client.system.ping();
});

test('closing cuts streams off, and a closed engine says so', async () => {
  const engine = await createEngine();
  const client = engine.client();
  const cutOff = assert.rejects(drain(client.system.events()), { code: 'data-loss' });
  await client.system.ping();
  await engine.close();
  await cutOff;
  await assert.rejects(client.system.ping(), { code: 'unavailable', message: 'the engine is closed' });
});

test('an exec root that somebody else has filled stays', async () => {
  const execRoot = dataRoot();
  const keep = join(execRoot, 'keep');
  execFileSync('touch', [keep]);
  const engine = await createEngine({ execRoot, bridge: 'none' });
  await engine.close();
  assert.equal(existsSync(keep), true);
});

test('what is missing or wrong is said before anything is made', async () => {
  const root = join(dataRoot(), 'new');
  const bad: Array<[Record<string, unknown>, RegExp]> = [
    [{ nonsense: 1 }, /nonsense/],
    [{ hosts: ['tcp://127.0.0.1:1'] }, /does not know hosts/],
    [{ mtu: 'x' }, /mtu/],
    [{ 'data-root': '/elsewhere' }, /data-root/],
  ];
  for (const [settings, message] of bad)
    await assert.rejects(createEngine({ dataRoot: root, settings }), { code: 'invalid-argument', message });
  process.seteuid?.(65_534);
  try {
    await assert.rejects(createEngine({ dataRoot: root }), {
      code: 'failed-precondition',
      message: /needs root/,
    });
  } finally {
    process.seteuid?.(0);
  }
  assert.equal(existsSync(root), false);
  const before = execRoots();
  await assert.rejects(createEngine({ subnet: '10.1.2.3/99' }), isEngineError);
  assert.deepEqual(execRoots(), before);
});

function execRoots(): string[] {
  return globSync('/run/gantry-embedded/*');
}
