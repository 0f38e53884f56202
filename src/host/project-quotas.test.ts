/** Which projects are given out. Real file systems with quotas are in test/integration/volumes-quota.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import type { Launcher, QuotaAnswer, QuotaStep } from './launcher-types.ts';
import { firstProject, ProjectQuotas } from './project-quotas.ts';

const nothing: QuotaAnswer = { isEnforced: false, project: 0, limit: 0, used: 0, inodes: 0 };

/** Directories with their projects, and projects with their limits, as a file system has them. */
class FileSystem implements Pick<Launcher, 'quota'> {
  readonly directories = new Map<string, number>();
  readonly limits = new Map<number, number>();
  /** A project of which files are left somewhere. */
  readonly leftovers = new Set<number>();

  async quota(_root: string, steps: readonly QuotaStep[]): ReturnType<Launcher['quota']> {
    const replies: QuotaAnswer[] = [];
    for (const [index, step] of steps.entries()) {
      const reply = this.#take(step);
      if (reply === undefined) return { replies, failure: { index, errno: 2 } };
      replies.push(reply);
    }
    return { replies };
  }

  #take(step: QuotaStep): QuotaAnswer | undefined {
    if ('path' in step && !this.directories.has(step.path)) return undefined;
    switch (step.kind) {
      case 'state':
        return { ...nothing, isEnforced: true };
      case 'project':
        return { ...nothing, project: this.directories.get(step.path) ?? 0 };
      case 'set-project':
        this.directories.set(step.path, step.project);
        return nothing;
      case 'limit':
        this.limits.set(step.project, step.bytes);
        return nothing;
      case 'usage':
        return { ...nothing, limit: this.limits.get(step.project) ?? 0, inodes: this.#inodes(step.project) };
    }
  }

  #inodes(project: number): number {
    const directories = [...this.directories.values()].filter((one) => one === project);
    return directories.length + (this.leftovers.has(project) ? 1 : 0);
  }
}

test('each directory has a project of its own, and keeps it', async () => {
  const files = new FileSystem();
  for (const path of ['a', 'a/_data', 'b']) files.directories.set(path, 0);
  const quotas = new ProjectQuotas(files, '/data');
  await Promise.all([quotas.limit(['/data/a', '/data/a/_data'], 100), quotas.limit(['/data/b'], 200)]);
  assert.deepEqual(
    [...files.directories],
    [
      ['a', firstProject],
      ['a/_data', firstProject],
      ['b', firstProject + 1],
    ],
  );
  await quotas.limit(['/data/a', '/data/a/_data'], 300);
  assert.deepEqual(await quotas.uses(['/data/a', '/data/nosuch', '/data/b']), [
    { limit: 300, used: 0 },
    undefined,
    { limit: 200, used: 0 },
  ]);
});

test('another daemon passes by what has files, however many, and what is an administrator’s', async () => {
  const files = new FileSystem();
  for (let taken = 0; taken < 150; taken++) files.leftovers.add(firstProject + taken);
  files.directories.set('a', 7);
  await new ProjectQuotas(files, '/data').limit(['/data/a'], 100);
  assert.equal(files.directories.get('a'), firstProject + 150);
});

test('a number that this daemon gave out is not given out again while it lives', async () => {
  const files = new FileSystem();
  const quotas = new ProjectQuotas(files, '/data');
  for (const name of ['a', 'b']) {
    files.directories.set(name, 0);
    await quotas.limit([`/data/${name}`], 100);
  }
  files.directories.delete('a');
  files.directories.set('c', 0);
  await quotas.limit(['/data/c'], 100);
  assert.equal(files.directories.get('c'), firstProject + 2);
});

test('what cannot be set says where, and at which step', async () => {
  const quotas = new ProjectQuotas(new FileSystem(), '/data');
  await assert.rejects(
    quotas.limit(['/data/nosuch'], 100),
    (error) =>
      isEngineError(error, 'internal') && /file system of \/data: project: ENOENT/.test(error.message),
  );
});
