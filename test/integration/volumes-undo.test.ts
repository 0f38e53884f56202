/** Removals that are undone: whole, within their time and budget, and never in the place of something else. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

async function gantry(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(args);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await daemon.gantry(args);
  assert.notEqual(code, 0, `gantry ${args.join(' ')} should fail`);
  return stderr;
}

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  for (let waited = 0; waited < 8000; waited += 100) {
    if (await check()) return;
    await sleep(100);
  }
  assert.fail(`not within 8 s: ${what}`);
}

test('a volume comes back with files, labels and creation time', async () => {
  await daemon.ok(['volume', 'create', '--label', 'tier=db', 'data']);
  const before = await daemon.ok(['volume', 'inspect', 'data']);
  await daemon.ok(['run', '--rm', '-v', 'data:/d', 'busybox', 'sh', '-c', 'echo kept >/d/f; chown 7:8 /d/f']);
  await daemon.ok(['volume', 'rm', 'data']);
  assert.match(await gantry('undo', '--list'), /volume +data/);
  assert.equal(await gantry('undo'), 'volume data');
  assert.equal(await daemon.ok(['volume', 'inspect', 'data']), before);
  const seen = await daemon.ok([
    'run',
    '--rm',
    '-v',
    'data:/d',
    'busybox',
    'sh',
    '-c',
    'cat /d/f; stat -c %u:%g /d/f',
  ]);
  assert.equal(seen, 'kept\n7:8');
  assert.match(await refusal('undo', 'data'), /nothing removed is named data/);
});

test('a container comes back with its files, its log, its name and its anonymous volumes', async () => {
  await daemon
    .ok([
      'run',
      '--name',
      'work',
      '-e',
      'A=b',
      '-v',
      '/scratch',
      'busybox',
      'sh',
      '-c',
      'echo said; echo mine >/own; echo temp >/scratch/file; exit 3',
    ])
    .catch(() => undefined);
  const id = await daemon.ok(['inspect', '-f', '{{.Id}} {{.State.ExitCode}} {{.Config.Env}}', 'work']);
  await daemon.ok(['rm', '-v', 'work']);
  assert.equal(await daemon.ok(['volume', 'ls', '-q', '-f', 'label=com.docker.volume.anonymous']), '');
  assert.match(await gantry('undo', 'work'), /^volume [0-9a-f]{64}\ncontainer work$/);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.Id}} {{.State.ExitCode}} {{.Config.Env}}', 'work']), id);
  assert.equal(await daemon.ok(['logs', 'work']), 'said');
  const files = await daemon.docker(['cp', 'work:/own', '-']);
  assert.match(files.stdout, /mine/);
  assert.equal(await daemon.ok(['start', '-a', 'work']).catch(() => 'ended'), 'ended');
  await daemon.ok(['rm', '-v', 'work']);
  await gantry('undo', '--clear');
  assert.equal(await gantry('undo', '--list').then((text) => text.split('\n').length), 1);
});

test('names that are taken meanwhile, and what is gone, are said', async () => {
  await daemon.ok(['create', '--name', 'taken', '-v', 'needed:/n', 'busybox']);
  await daemon.ok(['rm', 'taken']);
  await daemon.ok(['create', '--name', 'taken', 'busybox']);
  assert.match(await refusal('undo', 'taken'), /cannot restore container taken: its name is taken by now/);
  await daemon.ok(['rename', 'taken', 'other']);
  await daemon.ok(['volume', 'rm', 'needed']);
  assert.match(await refusal('undo', 'taken'), /its volume needed is gone/);
  await gantry('undo', 'needed');
  await gantry('undo', 'taken');
  assert.equal(await daemon.ok(['start', 'taken']), 'taken');
  await daemon.ok(['rm', '-f', 'taken', 'other']);
});

test('prune is undone, --rm is not kept', async () => {
  await gantry('undo', '--clear');
  await daemon.ok(['run', '--rm', 'busybox', 'true']);
  await daemon.ok(['create', '--name', 'pruned', 'busybox']);
  await daemon.ok(['container', 'prune', '-f']);
  assert.equal(await gantry('undo'), 'container pruned');
  assert.match(await refusal('undo'), /nothing was removed/);
  await daemon.ok(['rm', 'pruned']);
});

test('what can be restored outlives the daemon, and a restoration is whole or not at all', async () => {
  await daemon.ok([
    'run',
    '--name',
    'crash',
    '-v',
    'crashed:/c',
    'busybox',
    'sh',
    '-c',
    'echo 1 >/c/f; echo 2 >/own',
  ]);
  for (let round = 0; round < 4; round += 1) {
    await daemon.ok(['rm', 'crash']);
    await daemon.ok(['volume', 'rm', 'crashed']);
    const restoring = Promise.all([daemon.gantry(['undo', 'crashed']), daemon.gantry(['undo', 'crash'])]);
    await sleep(60 + round * 40);
    await daemon.kill9();
    await restoring;
    await daemon.launch();
    for (const name of ['crashed', 'crash']) await daemon.gantry(['undo', name]);
    const seen = await daemon.docker(['run', '--rm', '-v', 'crashed:/c:ro', 'busybox', 'cat', '/c/f']);
    assert.equal(seen.stdout, '1\n', seen.stderr);
    assert.match((await daemon.docker(['cp', 'crash:/own', '-'])).stdout, /2\n/);
  }
  await daemon.ok(['rm', 'crash']);
});

test('time and budget end it', async () => {
  const small = await TestDaemon.start({ config: { 'undo-retention': '3s', 'undo-budget': '1m' } });
  try {
    const fill = (name: string, kilobytes: number): Promise<string> =>
      small.ok([
        'run',
        '--rm',
        '-v',
        `${name}:/d`,
        'busybox',
        'dd',
        'if=/dev/zero',
        'of=/d/f',
        'bs=1k',
        `count=${kilobytes}`,
      ]);
    await Promise.all([fill('large', 2000), fill('little', 10)]);
    await small.ok(['volume', 'rm', 'little', 'large']);
    await until(
      'the large one is given up',
      async () => !(await small.gantry(['undo', '-l'])).stdout.includes('large'),
    );
    assert.match((await small.gantry(['undo', '-l'])).stdout, /little/);
    await until(
      'the other expires',
      async () => !(await small.gantry(['undo', '-l'])).stdout.includes('little'),
    );
    await until('nothing is left', () => readdirSync(join(small.dataRoot, 'undo')).length === 0);
  } finally {
    await small.close();
  }
});

test('a daemon that keeps nothing says so', async () => {
  const none = await TestDaemon.start({ config: { 'undo-retention': '0' } });
  try {
    await none.ok(['volume', 'create', 'gone']);
    await none.ok(['volume', 'rm', 'gone']);
    const { stderr } = await none.gantry(['undo']);
    assert.match(stderr, /nothing was removed that could be restored/);
    assert.match(stderr, /undo-retention/);
    assert.equal(existsSync(join(none.dataRoot, 'volumes', 'gone')), false);
  } finally {
    await none.close();
  }
});

test('how long and how much is kept changes by a reload', async () => {
  const tuned = await TestDaemon.start({ busybox: false, config: { 'undo-retention': '0' } });
  const set = async (config: Record<string, string>): Promise<void> => {
    const isReloaded = (): number => tuned.log().split('Reloaded configuration').length;
    const before = isReloaded();
    writeFileSync(tuned.configFile, JSON.stringify(config));
    tuned.hangUp();
    await until('the daemon has read it', () => isReloaded() > before);
  };
  const remove = async (name: string): Promise<void> => {
    await tuned.ok(['volume', 'create', name]);
    await tuned.ok(['volume', 'rm', name]);
  };
  const kept = async (): Promise<string> => (await tuned.gantry(['undo', '-l'])).stdout;
  try {
    await remove('before');
    await set({ 'undo-retention': '1h' });
    await remove('after');
    assert.match(await kept(), /after/);
    assert.doesNotMatch(await kept(), /before/);
    await set({ 'undo-retention': '1h', 'undo-budget': '0' });
    await remove('unkept');
    assert.doesNotMatch(await kept(), /unkept/);
    await set({ 'undo-retention': '0' });
    await until('what was kept goes', () => readdirSync(join(tuned.dataRoot, 'undo')).length === 0);
  } finally {
    await tuned.close();
  }
});
