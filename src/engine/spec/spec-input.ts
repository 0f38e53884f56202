/** Everything that `buildSpec` needs to know of one container, as plain data: it does no I/O of its own. */
import type { DeviceNode } from '../../host/devices.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { ContainerRecord, MountPoint, Ulimit } from '../model.ts';
import type { ResolvedUser } from './user.ts';

/** Another container whose namespaces are joined. */
export interface JoinedContainer {
  /** Pid of its first process, in the daemon's pid namespace. */
  pid: number;
}

/** The daemon's own settings that show in a container. */
export interface SpecDefaults {
  /** `daemon.json` default-ulimits; a container's own of the same name win. */
  ulimits: readonly Ulimit[];
  /** Run an init process where the container doesn't say. */
  init: boolean;
  /** Bytes of /dev/shm where the container doesn't say (Docker: 64 MiB). */
  shmSize: number;
  /** `daemon.json` no-new-privileges. */
  noNewPrivileges: boolean;
  /** Content of the seccomp profile used in place of the built-in one, or `unconfined`. */
  seccompProfile?: string;
}

export interface SpecInput {
  container: ContainerRecord;
  host: HostFacts;
  defaults: SpecDefaults;
  /** From `resolveUser`. */
  user: ResolvedUser;
  /** Where the root file system is mounted (in the shim's mount namespace). */
  rootPath: string;
  /** What the process sees as its hostname; ignored where the UTS namespace is the host's or another container's. */
  hostname: string;
  /** Volumes, binds and tmpfs, as the engine resolved them; sources are host paths that exist. */
  mounts: readonly MountPoint[];
  /** Files bound at /etc/hosts, /etc/hostname and /etc/resolv.conf, where given (and not covered by one of `mounts`). */
  files: { hosts?: string; hostname?: string; resolvConf?: string };
  /** `/proc/SHIM/ns/net` or the like; undefined for the host's network. */
  networkNamespacePath?: string;
  /**
   * The shim has set `networkSysctls(...)` (through NetworkSetup.sysctls), so the runtime need not. runc needs this: it takes the namespace
   * that it runs in itself for the host's, and refuses to set parameters there.
   */
  networkSysctlsDone?: boolean;
  /** Containers named by `--pid container:X` and so on; needed exactly where the mode says `container:`. */
  join: { pid?: JoinedContainer; ipc?: JoinedContainer; uts?: JoinedContainer };
  /**
   * Host directory bound at /dev/shm: `/dev/shm` for `--ipc=host` (taken by itself), the owner's for `shareable` and `container:`.
   * Undefined: a tmpfs of its own.
   */
  shmPath?: string;
  /** `cgroupsPath` of the OCI config, from `cgroupsPathOf`. */
  cgroupsPath: string;
  /** From `gatherDevices`: `--device`, or for a privileged container all of the host's. */
  devices: readonly DeviceNode[];
  /** Block devices named by blkio limits, by path; from `gatherBlockDevices`. */
  blockDevices: ReadonlyMap<string, { major: number; minor: number }>;
  /** A static init program on the host, bound at /sbin/docker-init; needed where `usesInit(...)`. */
  initPath?: string;
  /** Links' variables (legacy `--link`), put before the container's own. */
  linkEnv?: readonly string[];
}
