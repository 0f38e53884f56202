/** What is done to a container's cgroup from outside: its processes, its end, and a few of its counters. */
import { rmdirSync } from 'node:fs';
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import { type CgroupFacts, cgroupDirectories, hierarchyOf, oomFileOf } from './cgroups.ts';

type Hierarchies = Pick<CgroupFacts, 'hierarchies'>;

/** Pids (in the daemon's pid namespace) in the cgroup and below it; empty where it is gone. */
export async function pidsOf(cgroups: Hierarchies, cgroupsPath: string): Promise<number[]> {
  const pids = new Set<number>();
  for (const directory of cgroupDirectories(cgroups, cgroupsPath))
    for (const group of await groupsBelow(directory))
      for (const pid of await numbersIn(join(group, 'cgroup.procs'))) pids.add(pid);
  return [...pids].sort((a, b) => a - b);
}

/** The directory and all below it, deepest first; empty where it is gone. */
async function groupsBelow(directory: string): Promise<string[]> {
  let entries: string[];
  try {
    entries = (await readdir(directory, { withFileTypes: true, recursive: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
  return [...entries.sort((a, b) => b.length - a.length), directory];
}

/** A v2 cgroup with threads has no readable cgroup.procs below its domain: those processes are listed above. */
async function numbersIn(file: string): Promise<number[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

/**
 * Kills all processes of the cgroup and waits until they are gone, for at most `timeoutMs`. On v2 by `cgroup.kill`; on v1
 * frozen first, so that none can fork away. EngineError `internal` where some stay.
 */
export async function killCgroup(cgroups: Hierarchies, cgroupsPath: string, timeoutMs = 5000): Promise<void> {
  const unified = cgroups.hierarchies.length === 1 ? cgroupDirectories(cgroups, cgroupsPath)[0] : undefined;
  const freezer = hierarchyOf(cgroups, 'freezer');
  const state =
    freezer && join(cgroupDirectories({ hierarchies: [freezer] }, cgroupsPath)[0] ?? '', 'freezer.state');
  const deadline = Date.now() + timeoutMs;
  for (
    let pids = await pidsOf(cgroups, cgroupsPath);
    pids.length > 0;
    pids = await pidsOf(cgroups, cgroupsPath)
  ) {
    if (Date.now() > deadline) throw processesStay(cgroupsPath, pids);
    if (unified === undefined || !(await writeIfThere(join(unified, 'cgroup.kill'), '1'))) {
      if (state !== undefined) await writeIfThere(state, 'FROZEN');
      for (const pid of await pidsOf(cgroups, cgroupsPath)) killQuietly(pid);
      if (state !== undefined) await writeIfThere(state, 'THAWED');
    }
    await sleep(5);
  }
}

function processesStay(cgroupsPath: string, pids: readonly number[]): EngineError {
  return new EngineError('internal', `processes of ${cgroupsPath} did not end: ${pids.join(', ')}`, {
    hint: 'Look at /proc/PID/stack: they wait in the kernel, often for a dead network file system.',
  });
}

async function writeIfThere(file: string, content: string): Promise<boolean> {
  return writeFile(file, content, { flag: 'r+' }).then(
    () => true,
    () => false,
  );
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between the reading and the killing.
  }
}

/**
 * Removes the cgroup's directories in all hierarchies; nothing to do where they are gone. Waits up to `timeoutMs` for the kernel to let
 * go of ended processes. EngineError `internal` where one stays busy.
 */
export async function removeCgroup(
  cgroups: Hierarchies,
  cgroupsPath: string,
  timeoutMs = 2000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (const directory of cgroupDirectories(cgroups, cgroupsPath))
    for (const group of await groupsBelow(directory)) await removeGroup(group, deadline);
}

async function removeGroup(group: string, deadline: number): Promise<void> {
  for (;;) {
    try {
      return await rmdir(group);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      if (errnoOf(error) !== 'EBUSY' || Date.now() > deadline)
        throw new EngineError('internal', `could not remove the cgroup ${group}`, { cause: error });
    }
    await sleep(10);
  }
}

/** Removes the directories of a cgroup in those hierarchies where nothing is in it any more; leaves the others. */
export function removeIfEmpty(cgroups: Hierarchies, cgroupsPath: string): void {
  for (const directory of cgroupDirectories(cgroups, cgroupsPath)) {
    try {
      rmdirSync(directory);
    } catch {
      /* It is in use, or was never made. */
    }
  }
}

/** Is the cgroup frozen, as `pause` does it? False where it is gone. */
export async function isFrozen(cgroups: Hierarchies, cgroupsPath: string): Promise<boolean> {
  const v1 = hierarchyOf(cgroups, 'freezer');
  const hierarchy = v1 ?? cgroups.hierarchies.find(({ version }) => version === 2);
  if (hierarchy === undefined) return false;
  const directory = cgroupDirectories({ hierarchies: [hierarchy] }, cgroupsPath)[0] ?? '';
  const file = hierarchy.version === 2 ? 'cgroup.freeze' : 'freezer.state';
  const state = (await readFile(join(directory, file), 'utf8').catch(() => '')).trim();
  return state === '1' || state === 'FROZEN' || state === 'FREEZING';
}

/** Lets the cgroup have any number of processes. Nothing to do where it is gone, or there is no controller. */
export async function liftPidsLimit(cgroups: Hierarchies, cgroupsPath: string): Promise<void> {
  const pids = hierarchyOf(cgroups, 'pids');
  if (pids === undefined) return;
  const directory = cgroupDirectories({ hierarchies: [pids] }, cgroupsPath)[0] ?? '';
  await writeIfThere(join(directory, 'pids.max'), 'max');
}

/** How often the kernel ended a process of the cgroup for want of memory. 0 where the cgroup or the controller is gone. */
export async function oomKills(cgroups: Hierarchies, cgroupsPath: string): Promise<number> {
  const file = oomFileOf(cgroups, cgroupsPath);
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

export interface MemoryUse {
  /** Bytes. */
  usage: number;
  /** Page cache that can be dropped at once: `docker stats` subtracts it. */
  inactiveFile: number;
  /** Infinity for none. */
  limit: number;
}

/** Memory of the cgroup now; undefined where it is gone. */
export async function memoryUse(cgroups: Hierarchies, cgroupsPath: string): Promise<MemoryUse | undefined> {
  const memory = hierarchyOf(cgroups, 'memory');
  if (memory === undefined) return undefined;
  const directory = cgroupDirectories({ hierarchies: [memory] }, cgroupsPath)[0] ?? '';
  const v2 = memory.version === 2;
  const read = (name: string) => readFile(join(directory, name), 'utf8');
  try {
    const [usage, limit, stat] = await Promise.all([
      read(v2 ? 'memory.current' : 'memory.usage_in_bytes'),
      read(v2 ? 'memory.max' : 'memory.limit_in_bytes'),
      read('memory.stat'),
    ]);
    const inactive = new RegExp(`^${v2 ? '' : 'total_'}inactive_file (\\d+)$`, 'm').exec(stat)?.[1];
    return { usage: Number(usage), inactiveFile: Number(inactive ?? 0), limit: limitOf(limit.trim()) };
  } catch {
    return undefined;
  }
}

/** v1 writes "no limit" as the largest whole number of pages. */
function limitOf(text: string): number {
  const bytes = text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
  return bytes >= 2 ** 62 ? Number.POSITIVE_INFINITY : bytes;
}
