/** What a request through a scoped socket may not ask for, since it is the host's: each field of a container is classified here. */
import type { ContainerTable } from '../engine/container-table.ts';
import type { HostConfig, Resources } from '../engine/model.ts';
import type { SocketScope } from '../engine/sockets.ts';
import { defaultCapabilities } from '../engine/spec/capabilities.ts';

/** What the fields are judged by. */
interface Judge {
  scope: SocketScope;
  /** Those that the socket sees. */
  containers: ContainerTable;
}

/** Says what is wrong with a value: "privileged containers", "devices of the host"; undefined for a harmless one. */
type Check<T> = (value: T, judge: Judge) => string | undefined;
type Checks<T> = { readonly [K in keyof T]-?: Check<NonNullable<T[K]>> };

const harmless = (): undefined => undefined;
/** Nothing but the default will do. */
const unless =
  <T>(isDefault: (value: T) => boolean, what: string): Check<T> =>
  (value) =>
    isDefault(value) ? undefined : what;
const empty = (list: readonly unknown[]): boolean => list.length === 0;
const noKeys = (map: Readonly<Record<string, unknown>>): boolean => Object.keys(map).length === 0;
/** Namespaces: '' is the default. */
const own = (what: string): Check<string> =>
  unless((mode) => ['', 'default', 'private'].includes(mode), what);

const resources: Checks<Resources> = {
  memory: harmless,
  memoryReservation: harmless,
  memorySwap: harmless,
  memorySwappiness: harmless,
  nanoCpus: harmless,
  cpuShares: harmless,
  cpuPeriod: harmless,
  cpuQuota: harmless,
  cpuRealtimePeriod: unless((value) => value === 0, 'realtime scheduling'),
  cpuRealtimeRuntime: unless((value) => value === 0, 'realtime scheduling'),
  cpusetCpus: harmless,
  cpusetMems: harmless,
  pidsLimit: harmless,
  blkioWeight: harmless,
  blkioWeightDevice: unless(empty, 'devices of the host'),
  blkioDeviceReadBps: unless(empty, 'devices of the host'),
  blkioDeviceWriteBps: unless(empty, 'devices of the host'),
  blkioDeviceReadIops: unless(empty, 'devices of the host'),
  blkioDeviceWriteIops: unless(empty, 'devices of the host'),
  devices: unless(empty, 'devices of the host'),
  deviceCgroupRules: unless(empty, 'devices of the host'),
  deviceRequests: unless(empty, 'devices of the host'),
  cgroupParent: unless((value) => value === '', 'a cgroup of their own choice'),
  oomKillDisable: unless((value) => !value, 'processes that are never ended for want of memory'),
  ulimits: harmless,
};

/** A field that is new in the engine has no row, and the compiler says so. */
const checks: Checks<HostConfig> = {
  ...resources,
  binds: (binds, judge) =>
    binds.map((bind) => sourceProblem(bind.split(':')[0] ?? '', bind.includes(':'), judge)).find(isText),
  mounts: (mounts, judge) => mounts.map((mount) => mountProblem(mount, judge)).find(isText),
  volumesFrom: (refs, judge) => refs.map((ref) => donorProblem(ref.split(':')[0] ?? '', judge)).find(isText),
  volumeDriver: unless((value) => ['', 'local'].includes(value), 'volume drivers'),
  containerIdFile: harmless,
  logConfig: unless(
    ({ type }) => ['', 'json-file', 'local', 'none'].includes(type),
    'log drivers that write elsewhere',
  ),
  networkMode: networkProblem,
  portBindings: harmless,
  restartPolicy: harmless,
  restartOnUnhealthy: harmless,
  publishFrom: harmless,
  autoRemove: harmless,
  consoleSize: harmless,
  /* Rules of egress only take away. */
  annotations: unless((map) => Object.keys(map).every((key) => key === 'gantry.egress'), 'annotations'),
  capAdd: unless(
    (list) => list.every((name) => defaultCapabilities.includes(capabilityName(name))),
    'capabilities beyond the usual ones',
  ),
  capDrop: harmless,
  cgroupnsMode: own("the host's cgroup namespace"),
  dns: harmless,
  dnsOptions: harmless,
  dnsSearch: harmless,
  extraHosts: harmless,
  groupAdd: harmless,
  ipcMode: unless((mode) => ['', 'private', 'none', 'shareable'].includes(mode), 'IPC namespaces of others'),
  cgroup: unless((value) => value === '', 'cgroups of others'),
  links: (links, { containers }) => {
    const unseen = links.find((link) => containers.find(link.split(':')[0] ?? '') === undefined);
    return unseen === undefined ? undefined : `links to containers that it does not see (${unseen})`;
  },
  oomScoreAdj: unless((value) => value >= 0, 'processes that are spared when memory is short'),
  pidMode: unless((mode) => ['', 'private'].includes(mode), 'PID namespaces of others'),
  privileged: unless((value) => !value, 'privileged containers'),
  publishAllPorts: harmless,
  readonlyRootfs: harmless,
  securityOpt: unless(
    (list) => list.every((option) => /^no-new-privileges(?:[:=]true)?$/.test(option)),
    'other security options than no-new-privileges',
  ),
  storageOpt: harmless,
  tmpfs: harmless,
  utsMode: own("the host's UTS namespace"),
  usernsMode: own("the host's user namespace"),
  shmSize: harmless,
  sysctls: unless(noKeys, 'kernel parameters'),
  runtime: unless((value) => value === '', 'a runtime of their own choice'),
  isolation: harmless,
  maskedPaths: () => 'paths of the kernel that are not masked',
  readonlyPaths: () => 'paths of the kernel that can be written to',
  init: harmless,
};

/** What a new container asks for that is the host's, as the object of "may not have"; undefined where it is nothing. */
export function hostProblem(config: HostConfig, judge: Judge): string | undefined {
  return problemIn(config, checks, judge);
}

/** The same of an update. */
export function resourceProblem(config: Resources, judge: Judge): string | undefined {
  return problemIn(config, resources, judge);
}

function problemIn<T extends object>(config: T, table: Checks<T>, judge: Judge): string | undefined {
  // Keys the table lacks can't be judged, so they are refused, whatever the compiler thought.
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined || value === null) continue;
    const check: unknown = Reflect.get(table, key);
    if (typeof check !== 'function') return key;
    const problem: unknown = check(value, judge);
    if (typeof problem === 'string') return problem;
  }
  return undefined;
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}

function capabilityName(name: string): string {
  const upper = name.toUpperCase();
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

/** `-v SOURCE:TARGET`. A named volume may hold what others wrote. */
function sourceProblem(source: string, named: boolean, judge: Judge): string | undefined {
  if (!named) return undefined;
  if (source.startsWith('/') || source.startsWith('.') || source.startsWith('~')) return 'files of the host';
  return volumeProblem(judge);
}

function volumeProblem({ scope }: Judge): string | undefined {
  return scope.permissions.has('volumes:write') ? undefined : 'named volumes (that needs volumes:write)';
}

function mountProblem(mount: HostConfig['mounts'][number], judge: Judge): string | undefined {
  if (mount.type === 'tmpfs' || mount.type === 'image') return undefined;
  if (mount.type !== 'volume') return 'files of the host';
  const { driver } = mount.volume ?? {};
  if (driver !== undefined && (!noKeys(driver.options) || !['', 'local'].includes(driver.name)))
    return 'volumes with options of a driver';
  return mount.source === '' ? undefined : volumeProblem(judge);
}

/** Whoever takes another's volumes takes its files of the host, too. */
function donorProblem(ref: string, judge: Judge): string | undefined {
  const donor = judge.containers.find(ref);
  if (donor === undefined) return `volumes from containers that it does not see (${ref})`;
  if (donor.record.mounts.some(({ type }) => type === 'bind')) return 'files of the host';
  return volumeProblem(judge);
}

function networkProblem(mode: string, { containers }: Judge): string | undefined {
  if (mode === 'host') return "the host's network";
  const ref = /^container:(.*)$/.exec(mode)?.[1];
  if (ref === undefined) return undefined;
  const other = containers.find(ref);
  if (other === undefined) return `the network of a container that it does not see (${ref})`;
  // One that shares a namespace itself may have the host's.
  return /^(?:host|container:.*)$/.test(other.record.hostConfig.networkMode)
    ? "the host's network"
    : undefined;
}
