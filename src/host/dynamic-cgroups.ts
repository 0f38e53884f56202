/** Makes moving a process into a cgroup cheap: the kernel's `favordynmods`, set on its one v2 hierarchy. */
import { mkdir, rmdir } from 'node:fs/promises';
import { readFact } from './kernel.ts';
import type { Launcher } from './launcher-types.ts';

/**
 * The options to mount the v2 hierarchy with, given the content of a /proc/PID/mountinfo; undefined where `favordynmods` is set already. Each mount sets
 * all flags of the hierarchy anew, everywhere it is mounted: those it has (`nsdelegate`, `memory_recursiveprot`, …) must be said again.
 */
export function dynamicMountOptions(mountinfo: string): string | undefined {
  const line = mountinfo.split('\n').find((text) => text.includes(' - cgroup2 '));
  const [, , options = ''] = line?.split(' - ')[1]?.split(' ') ?? [];
  const flags = options.split(',').filter((option) => !['', 'rw', 'ro'].includes(option));
  return flags.includes('favordynmods') ? undefined : [...flags, 'favordynmods'].join(',');
}

/**
 * Without it each start waits 10 to 20 ms for an RCU grace period when its first process is moved (Documentation/admin-guide/cgroup-v2.rst,
 * "favordynmods", Linux 6.0 and newer). The flag belongs to the kernel's one v2 hierarchy, which exists on v1 hosts too, and outlives
 * the mount that set it: `directory` is a mount point for a moment only. Returns why it could not be done, or undefined.
 */
export async function favorDynamicCgroups(
  launcher: Launcher,
  directory: string,
): Promise<string | undefined> {
  const options = dynamicMountOptions(readFact('/proc/self/mountinfo') ?? '');
  if (options === undefined) return undefined;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const mounted = await launcher.run({
    argv: ['mount', '-t', 'cgroup2', '-o', options, 'cgroup2', directory],
  });
  if (mounted.exitCode === 0) await launcher.run({ argv: ['umount', '-l', directory] });
  await rmdir(directory).catch(() => {});
  return mounted.exitCode === 0 ? undefined : mounted.stderr.toString().trim();
}
