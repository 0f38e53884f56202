/** Removes what an OCI runtime cannot: what is left where it was itself killed, or where its shim was killed while it worked. */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCgroupFacts } from '../host/cgroups.ts';
import type { RuntimeProgram } from './runtime-types.ts';

/** A cgroup's directory is this deep below its hierarchy's root, with any usual parent. */
const maxDepth = 4;
const patienceMs = 10_000;

/** Waits until no OCI runtime works on the container any more, so that nothing appears after it was cleaned up. */
export async function waitForRuntime(containerId: string): Promise<void> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(20)) {
    if (!(await isBeingStarted(containerId))) return;
  }
}

async function isBeingStarted(containerId: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  // As in shim-request.ts: the ID is the last argument of `run` and `exec`.
  return lines.some((line) => line.endsWith(`\0${containerId}\0`) && line.includes('\0--pid-file\0'));
}

/** Ends the processes in cgroups named after the container, and removes those cgroups. */
export async function removeCgroups(containerId: string): Promise<void> {
  const roots = readCgroupFacts().hierarchies.map(({ mountpoint }) => mountpoint);
  for (const root of roots) {
    for (const path of await findCgroups(root, containerId, maxDepth)) await removeCgroup(path);
  }
}

async function findCgroups(dir: string, containerId: string, depth: number): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const children = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const own = children.filter((name) => name === containerId || name.endsWith(`-${containerId}.scope`));
  if (own.length > 0 || depth === 0) return own.map((name) => join(dir, name));
  const nested = await Promise.all(
    children.map((name) => findCgroups(join(dir, name), containerId, depth - 1)),
  );
  return nested.flat();
}

/** Children first. A cgroup can be removed a moment after its last process has ended. */
async function removeCgroup(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  for (let attempt = 0; attempt < 50; attempt++) {
    for (const pid of await processesOf(path)) killQuietly(pid);
    const done = await rmdir(path).then(
      () => true,
      () => false,
    );
    if (done) return;
    await sleep(20);
  }
}

async function processesOf(cgroup: string): Promise<number[]> {
  const text = await readFile(join(cgroup, 'cgroup.procs'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/** SIGKILL, where the process is still there. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** crun and runc refuse to delete a container whose state they could not finish writing. */
export async function removeState(containerId: string, runtime: RuntimeProgram): Promise<void> {
  const name = basename(runtime.path);
  if (name !== 'crun' && name !== 'runc') return;
  await rm(join(rootOf(runtime.args) ?? join('/run', name), containerId), { recursive: true, force: true });
}

function rootOf(args: readonly string[]): string | undefined {
  const index = args.findIndex((argument) => argument === '--root' || argument.startsWith('--root='));
  const found = args[index];
  if (found === undefined) return undefined;
  return found === '--root' ? args[index + 1] : found.slice('--root='.length);
}
