/** Volumes and kill -9 of the daemon, in the midst of everything that is done with them: what a user was told stays true, and nothing is left behind. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
  await daemon.ok(['volume', 'create', 'kept']);
  await daemon.ok(['run', '--rm', '-v', 'kept:/v', 'busybox', 'sh', '-c', 'echo data >/v/f; chmod 1777 /v']);
  await daemon.gantry(['volume', 'protect', 'kept']);
});
after(async () => {
  await daemon.close();
});

const directories = (): string[] => readdirSync(join(daemon.dataRoot, 'volumes')).sort();
const mounts = (): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(daemon.root));

async function listed(): Promise<string[]> {
  return (await daemon.ok(['volume', 'ls', '-q'])).split('\n').filter(Boolean).sort();
}

/** Does all of `work` at once, ends the daemon in the midst of it, and starts it again. True for each command that had been told of success. */
async function interrupted(work: readonly string[][], afterMs: number): Promise<boolean[]> {
  const running = Promise.all(work.map((args) => daemon.gantry(args)));
  await sleep(afterMs);
  await daemon.kill9();
  const done = (await running).map(({ code }) => code === 0);
  await daemon.launch();
  return done;
}

async function intact(): Promise<void> {
  const path = await daemon.ok(['volume', 'inspect', '-f', '{{.Mountpoint}}', 'kept']);
  assert.deepEqual(readdirSync(path), ['f']);
  assert.equal(
    await daemon.ok(['run', '--rm', '-v', 'kept:/v', 'busybox', 'sh', '-c', 'cat /v/f; stat -c %a /v']),
    'data\n1777',
  );
  assert.deepEqual(directories(), await listed(), 'a directory for each volume, and no other');
}

/** Milliseconds: a command takes some 90 to reach the daemon. */
const moments = [90, 115, 140, 180];

test('create, clone, rename and remove', async () => {
  for (const [round, moment] of moments.entries()) {
    const [made, copy, old, young, doomed] = ['made', 'copy', 'old', 'young', 'doomed'].map(
      (one) => `${one}${round}`,
    );
    await daemon.ok(['volume', 'create', '--label', 'a=b', `${old}`]);
    await daemon.ok(['volume', 'create', `${doomed}`]);
    const done = await interrupted(
      [
        ['volume', 'create', `${made}`],
        ['volume', 'clone', 'kept', `${copy}`],
        ['volume', 'rename', `${old}`, `${young}`],
        ['volume', 'rm', `${doomed}`],
      ],
      moment,
    );
    const names = await listed();
    for (const [index, name] of [made, copy, young].entries())
      assert.ok(done[index] !== true || names.includes(`${name}`), `${name} was told to be there`);
    assert.ok(done[3] !== true || !names.includes(`${doomed}`));
    assert.equal(
      names.filter((name) => name === old || name === young).length,
      1,
      'under one name or the other',
    );
    const renamed = names.includes(`${old}`) ? old : young;
    assert.equal(await daemon.ok(['volume', 'inspect', '-f', '{{.Labels}}', `${renamed}`]), 'map[a:b]');
    if (names.includes(`${copy}`)) {
      const path = await daemon.ok(['volume', 'inspect', '-f', '{{.Mountpoint}}', `${copy}`]);
      assert.equal(readFileSync(join(path, 'f'), 'utf8'), 'data\n', 'a copy is whole');
    }
    await intact();
  }
});

test('mount: containers with volumes of all kinds, and their ends', async () => {
  await daemon.ok(['volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', 'memory']);
  await daemon.ok(['run', '--rm', '-v', 'parts:/v', 'busybox', 'mkdir', '/v/part']);
  for (const moment of moments) {
    const run = ['run', '--rm', '-v', 'memory:/m', '-v', '/anonymous', '-v', 'kept:/v'];
    const kinds = ['type=volume,src=parts,dst=/p,volume-subpath=part', 'type=image,src=busybox,dst=/i'];
    const full = [...run, ...kinds.flatMap((kind) => ['--mount', kind]), 'busybox', 'true'];
    await interrupted([full, full], moment * 2);
    for (let waited = 0; waited < 5000 && (await daemon.ok(['ps', '-q'])) !== ''; waited += 50)
      await sleep(50);
    await daemon.removeAll();
    for (let waited = 0; waited < 3000 && mounts().length > 0; waited += 50) await sleep(50);
    assert.deepEqual(mounts(), []);
    assert.deepEqual(readdirSync(join(daemon.execRoot, 'subpaths')), []);
    assert.equal(await daemon.ok(['volume', 'ls', '-q', '-f', 'label=com.docker.volume.anonymous']), '');
    await intact();
  }
  await daemon.ok(['volume', 'rm', 'memory', 'parts']);
});

test('prune', async () => {
  for (const moment of moments) {
    await Promise.all(Array.from({ length: 6 }, () => daemon.ok(['volume', 'create'])));
    await interrupted(
      [
        ['volume', 'prune', '-af'],
        ['volume', 'prune', '-f'],
      ],
      moment,
    );
    await intact();
  }
  await daemon.ok(['volume', 'prune', '-af']);
  assert.deepEqual(await listed(), ['kept']);
});
