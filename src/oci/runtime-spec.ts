/** The OCI runtime configuration (runtime-spec 1.0.2, config.md and config-linux.md): the part that Gantry writes. Keys are as on disk. */

export interface RuntimeSpec {
  ociVersion: string;
  process: SpecProcess;
  root: { path: string; readonly: boolean };
  hostname?: string;
  mounts: SpecMount[];
  linux: SpecLinux;
  annotations?: Record<string, string>;
  /** By the moment at which they run: `createContainer`, `startContainer`, … */
  hooks?: Record<string, SpecHook[]>;
}

export interface SpecHook {
  path: string;
  args?: string[];
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

/** Also the content of the file that `exec --process` reads. */
export interface SpecProcess {
  terminal: boolean;
  consoleSize?: { height: number; width: number };
  user: SpecUser;
  args: string[];
  env: string[];
  cwd: string;
  capabilities: SpecCapabilities;
  rlimits?: SpecRlimit[];
  noNewPrivileges: boolean;
  apparmorProfile?: string;
  selinuxLabel?: string;
  oomScoreAdj?: number;
}

export interface SpecUser {
  uid: number;
  gid: number;
  additionalGids?: number[];
  umask?: number;
}

/** Names with `CAP_`. */
export interface SpecCapabilities {
  bounding: string[];
  effective: string[];
  permitted: string[];
  inheritable?: string[];
  ambient?: string[];
}

export interface SpecRlimit {
  /** `RLIMIT_NOFILE`, … */
  type: string;
  soft: number;
  hard: number;
}

export interface SpecMount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

export interface SpecLinux {
  namespaces: SpecNamespace[];
  devices: SpecDevice[];
  cgroupsPath: string;
  resources: SpecResources;
  seccomp?: SpecSeccomp;
  sysctl?: Record<string, string>;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  rootfsPropagation?: string;
  mountLabel?: string;
}

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup';

export interface SpecNamespace {
  type: NamespaceType;
  /** Joined where given, made anew where not. */
  path?: string;
}

export interface SpecDevice {
  type: 'c' | 'b' | 'u' | 'p';
  path: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface SpecDeviceRule {
  allow: boolean;
  type?: 'a' | 'c' | 'b';
  /** Absent for any. */
  major?: number;
  minor?: number;
  /** Letters of `rwm`. */
  access: string;
}

export interface SpecBlockRate {
  major: number;
  minor: number;
  rate: number;
}

export interface SpecResources {
  devices: SpecDeviceRule[];
  memory?: {
    limit?: number;
    reservation?: number;
    /** Memory plus swap, as cgroup v1 counts; the runtime converts for v2. */
    swap?: number;
    swappiness?: number;
    disableOOMKiller?: boolean;
  };
  cpu?: {
    shares?: number;
    quota?: number;
    period?: number;
    realtimeRuntime?: number;
    realtimePeriod?: number;
    cpus?: string;
    mems?: string;
  };
  pids?: { limit: number };
  blockIO?: {
    weight?: number;
    weightDevice?: Array<{ major: number; minor: number; weight: number }>;
    throttleReadBpsDevice?: SpecBlockRate[];
    throttleWriteBpsDevice?: SpecBlockRate[];
    throttleReadIOPSDevice?: SpecBlockRate[];
    throttleWriteIOPSDevice?: SpecBlockRate[];
  };
  /** cgroup v2 files and their content. */
  unified?: Record<string, string>;
}

export interface SpecSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls: SpecSyscallRule[];
}

export interface SpecSyscallRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: SpecSyscallArgument[];
}

export interface SpecSyscallArgument {
  index: number;
  value: number;
  valueTwo?: number;
  op: string;
}

/** RLIM_INFINITY, which is more than a JavaScript number can say. */
const unlimited = '18446744073709551615';
const placeholder = 'limit:infinite';

/** JSON for the runtime. An infinite number (a limit that is none) is written as the largest 64-bit one. */
export function encodeRuntimeSpec(spec: RuntimeSpec | SpecProcess): string {
  const text = JSON.stringify(spec, (key, value: unknown) =>
    value === Number.POSITIVE_INFINITY && (key === 'soft' || key === 'hard') ? placeholder : value,
  );
  return text.replaceAll(new RegExp(`("(?:soft|hard)":)"${placeholder}"`, 'g'), `$1${unlimited}`);
}
