/** Everything that is done with volumes, killed before each single step of it: what was told is true, nothing of others is lost, and the next start tidies up. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeVolume } from '../../src/engine/volumes.ts';
import { type CrashEngine, makeVolume, openCrashEngine } from '../support/crash-works.ts';

const program = join(import.meta.dirname, '../support/crash-steps.ts');
/** More than any work has. */
const mostSteps = 60;

/** Volumes `one`, `two`, `three`, one that is protected, and one that was removed. */
async function prepare(directory: string): Promise<void> {
  const engine = await openCrashEngine(directory);
  for (const name of ['one', 'two', 'three', 'kept', 'gone']) await makeVolume(engine, name);
  engine.parts.volumes.protect('kept', true);
  await removeVolume(engine.parts, 'gone', { force: false });
  await engine.close();
}

interface Outcome {
  directory: string;
  engine: CrashEngine;
  /** The user was told that it is done. */
  wasTold: boolean;
  listed: string[];
}

/** Where the file of a volume is now: among the volumes, among what can be restored, or both. */
function placesOf({ directory }: Outcome, content: string): string[] {
  return ['volumes', 'undo'].filter((root) =>
    readdirSync(join(directory, root)).some((name) => {
      const file = join(directory, root, name, root === 'undo' ? 'volume/_data/file' : '_data/file');
      return existsSync(file) && readFileSync(file, 'utf8') === content;
    }),
  );
}

/** True after each crash, whatever was done. */
function checkAll(outcome: Outcome, touched: readonly string[]): void {
  const { directory, engine, listed } = outcome;
  assert.deepEqual(
    readdirSync(join(directory, 'volumes')).sort(),
    listed,
    'a directory for each, and no other',
  );
  const kept = engine.parts.undo.list().map(({ id }) => id);
  assert.deepEqual(readdirSync(join(directory, 'undo')).sort(), kept.sort(), 'nothing else can be restored');
  for (const name of ['kept', 'one', 'two', 'three'].filter((one) => !touched.includes(one))) {
    const { mountpoint, labels } = engine.parts.volumes.get(name);
    assert.equal(readFileSync(join(mountpoint, 'file'), 'utf8'), name);
    assert.deepEqual(labels, { of: name });
  }
}

interface Work {
  /** Volumes that it may change. */
  touches: readonly string[];
  check(outcome: Outcome, isKeeping: boolean): void;
}

function checkRemoval(outcome: Outcome, name: string, isKeeping: boolean): void {
  assert.ok(!outcome.wasTold || !outcome.listed.includes(name), `${name} was told to be gone`);
  const places = placesOf(outcome, name);
  if (isKeeping) assert.equal(places.length, 1, `${name} is there, or can be restored`);
  else assert.ok(places.length === 0 || outcome.listed.includes(name), 'files without a volume');
}

const works: Readonly<Record<string, Work>> = {
  create: {
    touches: [],
    check: ({ wasTold, listed, engine }) => {
      assert.ok(!wasTold || listed.includes('made'));
      if (listed.includes('made')) assert.deepEqual(engine.parts.volumes.get('made').labels, { of: 'made' });
    },
  },
  fill: {
    touches: [],
    check: (outcome) => {
      assert.ok(!outcome.wasTold || outcome.listed.includes('made'));
      if (outcome.listed.includes('made')) assert.deepEqual(placesOf(outcome, 'made'), ['volumes'], 'whole');
    },
  },
  rename: {
    touches: ['one'],
    check: (outcome) => {
      const names = outcome.listed.filter((name) => name === 'one' || name === 'made');
      assert.equal(names.length, 1, 'under one name or the other');
      assert.ok(!outcome.wasTold || names[0] === 'made');
      const { mountpoint, labels } = outcome.engine.parts.volumes.get(names[0] ?? '');
      assert.equal(readFileSync(join(mountpoint, 'file'), 'utf8'), 'one');
      assert.deepEqual(labels, { of: 'one' });
    },
  },
  remove: {
    touches: ['one'],
    check: (outcome, isKeeping) => checkRemoval(outcome, 'one', isKeeping),
  },
  prune: {
    touches: ['one', 'two', 'three'],
    check: (outcome, isKeeping) => {
      for (const name of ['one', 'two', 'three']) checkRemoval(outcome, name, isKeeping);
    },
  },
  mount: {
    touches: [],
    check: ({ directory, engine, listed }) => {
      assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(directory), 'nothing is left mounted');
      if (listed.includes('made'))
        assert.deepEqual(readdirSync(engine.parts.volumes.get('made').mountpoint), []);
    },
  },
  restore: {
    touches: [],
    check: (outcome, isKeeping) => {
      if (!isKeeping) return;
      assert.ok(!outcome.wasTold || outcome.listed.includes('gone'));
      const expected = outcome.listed.includes('gone') ? ['volumes'] : ['undo'];
      assert.deepEqual(placesOf(outcome, 'gone'), expected);
    },
  },
};

/** A start ends removals in the background. */
async function removalsEnded(directory: string): Promise<void> {
  const isLeft = (): boolean =>
    readdirSync(join(directory, 'volumes')).some((name) => name.startsWith('.removing-'));
  for (let waited = 0; waited < 3000 && isLeft(); waited += 5) await sleep(5);
}

/** Kills it before one step and looks at what is there after the next start. True where it came to its end instead. */
async function crashAt(template: string, directory: string, name: string, step: number): Promise<boolean> {
  rmSync(directory, { recursive: true, force: true });
  cpSync(template, directory, { recursive: true });
  const { stdout, stderr, signal, status } = spawnSync(
    process.execPath,
    [program, directory, name, String(step)],
    { encoding: 'utf8', timeout: 20_000 },
  );
  assert.ok(signal === 'SIGKILL' || status === 0, stderr);
  const engine = await openCrashEngine(directory);
  try {
    await engine.parts.undo.idle();
    await removalsEnded(directory);
    const listed = engine.parts.volumes.list().map((volume) => volume.name);
    const outcome = { directory, engine, wasTold: stdout.startsWith('told'), listed };
    checkAll(outcome, works[name]?.touches ?? []);
    works[name]?.check(outcome, directory.endsWith('-keeping'));
  } finally {
    await engine.close();
  }
  return signal === null;
}

for (const keeping of ['', '-keeping'])
  for (const name of Object.keys(works)) {
    if (name === 'restore' && keeping === '') continue;
    test(`${name}${keeping === '' ? '' : ', with undo'}`, async (context) => {
      const root = mkdtempSync(join(tmpdir(), 'gantry-steps-'));
      context.after(() => rmSync(root, { recursive: true, force: true }));
      const template = join(root, `template${keeping}`);
      await prepare(template);
      let steps = 0;
      while (steps < mostSteps && !(await crashAt(template, join(root, `data${keeping}`), name, steps + 1)))
        steps += 1;
      assert.ok(steps > 1 && steps < mostSteps, `${steps} steps`);
      context.diagnostic(`${steps} steps`);
    });
  }
