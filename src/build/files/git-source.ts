/** ADD of a git repository, and contexts of one: a checkout of one commit. */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeAt } from '../../engine/archive/view-remove.ts';
import { pathOf, release, ViewTree } from '../../engine/archive/view-tree.ts';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import { maxDepth, tooDeep } from '../../snapshots/archive/walk-merged.ts';
import type { FilesParts } from './files-parts.ts';
import { cancelled } from './files-thread.ts';
import type { FetchedSource, GitRequest } from './files-types.ts';
import { type GitOptions, git, gitEnvironment } from './git-program.ts';
import { type GitAddress, parseGitUrl } from './git-url.ts';

const everything = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
const wholeCommit = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** See `Files.fetchGit`. */
export async function fetchGit(
  { launcher, trees }: Pick<FilesParts, 'launcher' | 'trees'>,
  request: GitRequest,
  signal: AbortSignal,
): Promise<FetchedSource> {
  const address = parseGitUrl(request.url);
  const directory = await trees.temporary('git');
  try {
    const tree = join(directory.root, 'tree');
    mkdirSync(tree, { mode: 0o755 });
    const environment = gitEnvironment(address.remote, request);
    const options = { launcher, directory: tree, environment, signal };
    const keepGitDir = request.keepGitDir ?? address.keepGitDir ?? false;
    const commit = await checkOut(options, address, request.checksum ?? address.checksum);
    if (!keepGitDir) removeGitDirectories(tree);
    const root = folderOf(tree, address.subdir);
    const facts = JSON.stringify(['git', commit, address.subdir, keepGitDir, address.submodules]);
    const digest = `sha256:${createHash('sha256').update(facts).digest('hex')}`;
    return {
      source: { kind: 'files', tree: { kind: 'directory', root }, patterns: ['/'], digest },
      digest,
      release: directory.release,
    };
  } catch (error) {
    await directory.release();
    throw signal.aborted ? cancelled() : error;
  }
}

/** Returns the commit. */
async function checkOut(
  options: GitOptions,
  address: GitAddress,
  checksum: string | undefined,
): Promise<string> {
  await git(options, ['init', '--quiet', '--template=', '.']);
  await git(options, ['remote', 'add', 'origin', address.remote]);
  const name = await fetchRef(options, address.ref ?? 'HEAD');
  const commit = await git(options, ['rev-parse', '--verify', `${name}^{commit}`]);
  if (checksum !== undefined) await verify(options, name, commit, checksum);
  await git(options, ['checkout', '--quiet', '--force', '--detach', commit]);
  if (address.submodules) await fetchSubmodules(options);
  return commit;
}

/** As little as the server lets us. Returns a name by which git knows it now. */
async function fetchRef(options: GitOptions, ref: string): Promise<string> {
  const fetch = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules'];
  for (const depth of [['--depth=1'], []]) {
    try {
      await git(options, [...fetch, ...depth, 'origin', ref]);
      return 'FETCH_HEAD';
    } catch (error) {
      if (!isEngineError(error, 'unavailable') || (depth.length === 0 && !wholeCommit.test(ref))) throw error;
    }
  }
  // A commit that the server gives only with what leads to it.
  await git(options, [...fetch, 'origin', ...everything]);
  return ref;
}

/** A commit, or an annotated tag, or the beginning of either. */
async function verify(options: GitOptions, name: string, commit: string, checksum: string): Promise<void> {
  const isDigits = /^[0-9a-f]{7,64}$/.test(checksum);
  if (!isDigits) {
    throw new EngineError('invalid-argument', `invalid checksum: ${checksum}`, {
      hint: 'write the commit, at least its first 7 hex digits',
    });
  }
  const found = await git(options, ['rev-parse', '--verify', name]);
  if (commit.startsWith(checksum) || found.startsWith(checksum)) return;
  throw new EngineError('failed-precondition', `expected checksum to match ${checksum}, got ${commit}`, {
    hint: 'check the reference, and --checksum',
  });
}

async function fetchSubmodules(options: GitOptions): Promise<void> {
  if (lstatSync(join(options.directory, '.gitmodules'), { throwIfNoEntry: false })?.isFile() !== true) return;
  const update = ['submodule', '--quiet', 'update', '--init', '--recursive', '--force'];
  try {
    await git(options, [...update, '--depth=1']);
  } catch (error) {
    if (!isEngineError(error, 'unavailable')) throw error;
    await git(options, update);
  }
}

/** Those of submodules, too. Links of the repository are never followed. */
function removeGitDirectories(path: string): void {
  const tree = new ViewTree(path);
  try {
    removeBelow(tree.root, 0);
  } finally {
    tree.root.release();
  }
}

function removeBelow(directory: TreeDirectory, depth: number): void {
  if (depth >= maxDepth) throw tooDeep();
  for (const { name, kind } of directory.list()) {
    if (name === '.git') {
      removeAt(directory, name);
      continue;
    }
    const child = kind === 'directory' ? directory.child(name) : undefined;
    if (child === undefined) continue;
    try {
      removeBelow(child, depth + 1);
    } finally {
      child.release();
    }
  }
}

/** EngineError `invalid-argument` where it is no directory of the repository. */
function folderOf(root: string, subdir: string): string {
  if (subdir === '') return root;
  const tree = new ViewTree(root);
  const located = tree.locate(Buffer.from(subdir).toString('latin1'), true);
  try {
    if (located.name === undefined && located.missing.length === 0)
      return join(root, Buffer.from(pathOf(located), 'latin1').toString());
    throw new EngineError('invalid-argument', `subdir not a directory: ${subdir}`, {
      hint: 'check the folder behind the colon of the URL',
    });
  } finally {
    release(located);
    tree.root.release();
  }
}
