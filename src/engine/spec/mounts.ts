/** All mounts of a container: what every container has, then the user's, shallow ones first. */
import { normalize } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import { kernelAtLeast } from '../../host/kernel.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { MountPoint } from '../model.ts';
import { usesInit } from './modes.ts';
import type { SecurityOptions } from './security-options.ts';
import type { SpecInput } from './spec-input.ts';
import { mergeTmpfsOptions } from './tmpfs-options.ts';

export const initPathInContainer = '/sbin/docker-init';

const privateFlags = ['nosuid', 'noexec', 'nodev'];

/** In the order in which the runtime makes them. */
export function buildMounts(input: SpecInput, security: SecurityOptions): SpecMount[] {
  const user = userMounts(input).sort((a, b) => depthOf(a.destination) - depthOf(b.destination));
  const taken = new Set(user.map((mount) => mount.destination));
  const standard = defaultMounts(input)
    .filter((mount) => !taken.has(mount.destination))
    .filter((mount) => !(taken.has('/dev') && mount.destination.startsWith('/dev/')));
  for (const mount of standard) adjust(mount, input, security);
  return [...standard, ...user, ...initMount(input)];
}

function depthOf(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}

function defaultMounts(input: SpecInput): SpecMount[] {
  const { hostConfig } = input.container;
  const mounts: SpecMount[] = [
    mountOf('/proc', 'proc', 'proc', privateFlags),
    mountOf('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mountOf('/dev/pts', 'devpts', 'devpts', [
      'nosuid',
      'noexec',
      'newinstance',
      'ptmxmode=0666',
      'mode=0620',
      'gid=5',
    ]),
    mountOf('/sys', 'sysfs', 'sysfs', [...privateFlags, 'ro']),
    mountOf('/sys/fs/cgroup', 'cgroup', 'cgroup', ['ro', ...privateFlags]),
    mountOf('/dev/mqueue', 'mqueue', 'mqueue', privateFlags),
  ];
  if (hostConfig.ipcMode !== 'none') mounts.push(sharedMemory(input));
  return mounts;
}

function mountOf(destination: string, type: string, source: string, options: readonly string[]): SpecMount {
  return { destination, type, source, options: [...options] };
}

function sharedMemory(input: SpecInput): SpecMount {
  const { ipcMode, shmSize } = input.container.hostConfig;
  const path = ipcMode === 'host' ? '/dev/shm' : input.shmPath;
  if (path !== undefined && ipcMode !== 'private' && ipcMode !== '')
    return mountOf('/dev/shm', 'bind', path, ['rbind', 'rprivate']);
  const size = shmSize || input.defaults.shmSize;
  return mountOf('/dev/shm', 'tmpfs', 'shm', [...privateFlags, 'mode=1777', `size=${size}`]);
}

/** Mounts that stay writable where the root is read-only: the process could do nothing without. */
const writableAnyway = new Set(['/proc', '/dev/pts', '/dev/shm', '/dev/mqueue', '/dev']);

function adjust(mount: SpecMount, input: SpecInput, security: SecurityOptions): void {
  const { privileged, readonlyRootfs } = input.container.hostConfig;
  const { destination } = mount;
  if (readonlyRootfs && !writableAnyway.has(destination) && !mount.options.includes('ro'))
    mount.options.push('ro');
  const opened = privileged || (security.writableCgroups && mount.type === 'cgroup');
  if (opened && (destination === '/sys' || mount.type === 'cgroup'))
    mount.options = mount.options.filter((option) => option !== 'ro');
}

/** The user's own and the network's files; of two for one place the first counts. */
function userMounts(input: SpecInput): SpecMount[] {
  const { hostConfig } = input.container;
  const temporary = Object.entries(hostConfig.tmpfs).map(([destination, options]) =>
    mountOf(
      normalize(destination).replace(/(.)\/$/, '$1'),
      'tmpfs',
      'tmpfs',
      mergeTmpfsOptions(options.split(',')),
    ),
  );
  const all = [
    ...input.mounts.map((point) => mountPoint(point, input)),
    ...temporary,
    ...networkFiles(input),
  ];
  const places = all.map((mount) => mount.destination);
  return all.filter((mount, index) => places.indexOf(mount.destination) === index);
}

function networkFiles(input: SpecInput): SpecMount[] {
  const places: Array<[string | undefined, string]> = [
    [input.files.resolvConf, '/etc/resolv.conf'],
    [input.files.hostname, '/etc/hostname'],
    [input.files.hosts, '/etc/hosts'],
  ];
  const access = input.container.hostConfig.readonlyRootfs ? ['ro'] : [];
  return places.flatMap(([source, destination]) =>
    source === undefined ? [] : [mountOf(destination, 'bind', source, ['rbind', ...access, 'rprivate'])],
  );
}

function mountPoint(point: MountPoint, input: SpecInput): SpecMount {
  if (point.type === 'tmpfs') {
    const access = point.readWrite ? [] : ['ro'];
    return mountOf(
      point.destination,
      'tmpfs',
      'tmpfs',
      mergeTmpfsOptions([...(point.tmpfsOptions ?? []), ...access]),
    );
  }
  if (point.filesystem !== undefined) {
    const { type, device, options } = point.filesystem;
    return mountOf(point.destination, type, device, [...options, ...(point.readWrite ? [] : ['ro'])]);
  }
  const bind = point.nonRecursive ? 'bind' : 'rbind';
  return mountOf(point.destination, 'bind', point.source, [
    bind,
    ...(point.readWrite ? [] : readOnlyOptions(point, input)),
    point.propagation || 'rprivate',
  ]);
}

/** Read-only binds are so with everything mounted below them, where the kernel can (mount_setattr(2), 5.12) and nobody objects. */
function readOnlyOptions(point: MountPoint, input: SpecInput): string[] {
  const request = input.container.hostConfig.mounts.find((mount) => mount.target === point.destination);
  const plain =
    point.nonRecursive ||
    request?.bind?.readOnlyNonRecursive ||
    !kernelAtLeast(input.host.kernelVersion, '5.12');
  return plain ? ['ro'] : ['ro', 'rro'];
}

function initMount(input: SpecInput): SpecMount[] {
  if (!usesInit(input.container.hostConfig, input.defaults.init)) return [];
  if (input.initPath === undefined)
    throw new EngineError('internal', 'exec: "docker-init": executable file not found in $PATH', {
      hint: 'Install tini (`apt-get install tini`), or leave --init away.',
    });
  return [mountOf(initPathInContainer, 'bind', input.initPath, ['bind', 'ro'])];
}

/** How the root's mounts spread, where one of the user's asks for `shared` or `slave`; undefined for not at all. */
export function rootPropagation(input: SpecInput): string | undefined {
  const modes = input.mounts.map((mount) => mount.propagation);
  if (modes.some((mode) => mode === 'shared' || mode === 'rshared')) return 'shared';
  return modes.some((mode) => mode === 'slave' || mode === 'rslave') ? 'rslave' : undefined;
}

/** Paths of /proc and /sys that tell of the host or act on it. */
export const maskedByDefault = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
export const readonlyByDefault = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What is hidden and what is read-only; nothing in a privileged container. */
export function systemPaths(
  input: SpecInput,
  security: SecurityOptions,
): { masked: string[]; readonly: string[] } {
  const { hostConfig } = input.container;
  if (hostConfig.privileged || security.unconfinedPaths) return { masked: [], readonly: [] };
  const throttles = input.host.thermalThrottleCpus.map(
    (cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`,
  );
  const masked = hostConfig.maskedPaths ?? [...maskedByDefault, ...throttles];
  return { masked: [...masked], readonly: [...(hostConfig.readonlyPaths ?? readonlyByDefault)] };
}
