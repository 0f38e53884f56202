/** What this host is and can do, read once when the daemon starts. */
import { accessSync, constants, existsSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { boundingCapabilities, kernelCapabilities } from './capabilities.ts';
import { type CgroupFacts, readCgroupFacts } from './cgroups.ts';
import { readFact, sysctlFile } from './kernel.ts';

export interface HostFacts {
  hostname: string;
  /** `6.18.44-…`. */
  kernelVersion: string;
  /** PRETTY_NAME of os-release(5). */
  operatingSystem: string;
  /** VERSION_ID of os-release(5), or ''. */
  osVersion: string;
  /** As `uname -m` says: `x86_64`, `aarch64`. */
  machine: string;
  /** As Go and OCI say: `amd64`, `arm64`. */
  architecture: string;
  cpuCount: number;
  /** Bytes. */
  memoryTotal: number;
  runsAsRoot: boolean;
  cgroups: CgroupFacts;
  security: SecurityFacts;
  /** Hard limits by ulimit name (`nofile`), Infinity for none: children can't go above without CAP_SYS_RESOURCE. */
  hardLimits: Readonly<Record<string, number>>;
  /** The daemon's own; a child can't go below without CAP_SYS_RESOURCE. */
  oomScoreAdj: number;
  network: { ipv6: boolean; ipv4Forwarding: boolean };
  /** Parameters among those that containers get by default which this kernel has. */
  sysctls: ReadonlySet<string>;
  overlay: OverlayFacts;
  /** CPUs with a `thermal_throttle` directory that is masked in containers. */
  thermalThrottleCpus: readonly number[];
  /** Absolute paths of the programs that the engine may use, by name; absent where not installed. */
  programs: Readonly<Partial<Record<ProgramName, string>>>;
}

export interface SecurityFacts {
  seccomp: boolean;
  apparmor: boolean;
  /** Names of loaded AppArmor profiles; empty where they can't be read. */
  apparmorProfiles: ReadonlySet<string>;
  selinux: boolean;
  /** In our bounding set: nothing we start can have others. */
  capabilities: ReadonlySet<string>;
  /** Known to the kernel. */
  kernelCapabilities: ReadonlySet<string>;
}

export interface OverlayFacts {
  /** Usable now (built in or loaded). */
  loaded: boolean;
  /** Defaults of the module: `redirect_dir`, `metacopy`, `index`, … with `Y` or `N`. */
  parameters: Readonly<Record<string, string>>;
}

const programNames = ['crun', 'runc', 'runsc', 'nft', 'iptables', 'ip'] as const;
export type ProgramName = (typeof programNames)[number];

/** Reads everything anew. Synchronous and quick (a few ms): for the start of the daemon, not for requests. */
export function readHostFacts(): HostFacts {
  const os = readOsRelease();
  return {
    hostname: hostname(),
    kernelVersion: release(),
    operatingSystem: os['PRETTY_NAME'] ?? os['NAME'] ?? 'Linux',
    osVersion: os['VERSION_ID'] ?? '',
    machine: machineOf(arch()),
    architecture: architectureOf(arch()),
    cpuCount: cpus().length,
    memoryTotal: totalmem(),
    runsAsRoot: process.geteuid?.() === 0,
    cgroups: readCgroupFacts(),
    security: readSecurity(),
    hardLimits: readHardLimits(readFact('/proc/self/limits') ?? ''),
    oomScoreAdj: Number(readFact('/proc/self/oom_score_adj') ?? 0),
    network: {
      ipv6: existsSync('/proc/net/if_inet6'),
      ipv4Forwarding: readFact(sysctlFile('net.ipv4.ip_forward')) === '1',
    },
    sysctls: new Set(defaultSysctlNames.filter((name) => existsSync(sysctlFile(name)))),
    overlay: readOverlay(),
    thermalThrottleCpus: readThermalThrottle(cpus().length),
    programs: findPrograms(),
  };
}

const defaultSysctlNames = ['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start'];

function readOsRelease(): Record<string, string> {
  const text = readFact('/etc/os-release') ?? readFact('/usr/lib/os-release') ?? '';
  const pairs = text.split('\n').map((line) => /^([A-Z_]+)=["']?(.*?)["']?$/.exec(line));
  return Object.fromEntries(
    pairs.filter((pair) => pair !== null).map((pair) => [pair[1] ?? '', pair[2] ?? '']),
  );
}

/** `uname -m` for Node.js's name of an architecture. */
function machineOf(name: string): string {
  const names: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686', arm: 'armv7l' };
  return names[name] ?? name;
}

/** Go's name for Node.js's name of an architecture. */
export function architectureOf(name: string): string {
  const names: Record<string, string> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };
  return names[name] ?? name;
}

function readSecurity(): SecurityFacts {
  const apparmor = readFact('/sys/module/apparmor/parameters/enabled') === 'Y';
  const profiles = apparmor ? (readFact('/sys/kernel/security/apparmor/profiles') ?? '') : '';
  return {
    seccomp: existsSync('/proc/sys/kernel/seccomp/actions_avail'),
    apparmor,
    apparmorProfiles: new Set(profiles.split('\n').map((line) => line.replace(/ \(.*\)$/, ''))),
    selinux: existsSync('/sys/fs/selinux/enforce'),
    capabilities: boundingCapabilities(),
    kernelCapabilities: kernelCapabilities(),
  };
}

/** Rows of /proc/PID/limits by the name that `--ulimit` uses. */
const limitRows: Readonly<Record<string, string>> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

/** Hard limits in the content of a /proc/PID/limits. */
export function readHardLimits(text: string): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const [name, title] of Object.entries(limitRows)) {
    const hard = new RegExp(`^${title} +\\S+ +(\\S+)`, 'm').exec(text)?.[1];
    if (hard !== undefined) limits[name] = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
  }
  return limits;
}

function readOverlay(): OverlayFacts {
  const names = ['redirect_dir', 'redirect_always_follow', 'metacopy', 'index', 'nfs_export', 'xino_auto'];
  const parameters: Record<string, string> = {};
  for (const name of names) {
    const value = readFact(`/sys/module/overlay/parameters/${name}`);
    if (value !== undefined) parameters[name] = value;
  }
  return { loaded: /\toverlay$/m.test(readFact('/proc/filesystems') ?? ''), parameters };
}

function readThermalThrottle(count: number): number[] {
  const all = Array.from({ length: count }, (_, cpu) => cpu);
  return all.filter((cpu) => existsSync(`/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`));
}

function findPrograms(): Partial<Record<ProgramName, string>> {
  const found: Partial<Record<ProgramName, string>> = {};
  for (const name of programNames) {
    const path = findProgram(name);
    if (path !== undefined) found[name] = path;
  }
  return found;
}

/** Absolute path of a program in PATH or in the system's own directories (a daemon's PATH often lacks sbin). */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  const directories = [
    ...path.split(delimiter),
    '/usr/local/sbin',
    '/usr/local/bin',
    '/usr/sbin',
    '/usr/bin',
    '/sbin',
    '/bin',
  ];
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
