/** What the runtime makes in a container's file system to mount over: Docker has it in a layer of its own, which is part of an export and no change. */
import type { MountPoint } from '../snapshots/archive/archive-messages.ts';

const directories = ['dev', 'dev/pts', 'dev/shm', 'etc', 'proc', 'sys'];
const files = ['dev/console', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf'];

export const runtimeMountPoints: readonly MountPoint[] = [
  ...directories.map((path): MountPoint => ({ path, kind: 'directory' })),
  ...files.map((path): MountPoint => ({ path, kind: 'file' })),
  { path: 'etc/mtab', kind: 'link', target: '/proc/mounts' },
];
