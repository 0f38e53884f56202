/** The daemon as a whole: what it is, what it runs on, and how much room its things take. */
import { readdir, statfs } from 'node:fs/promises';
import { effectiveProxies, hidePassword } from '../images/registry/proxies.ts';
import { deviceNames, readCdiSpecs } from './cdi/cdi-devices.ts';
import type { Engine } from './engine.ts';
import { engineVersion, servedApi } from './engine-version.ts';
import { noFilters } from './filters.ts';
import { layersSize, listImages } from './image-list.ts';
import { listContainers } from './list.ts';
import { logDriverNames } from './log/drivers.ts';
import { defaultRuntimeName, knownRuntimes } from './runtimes.ts';
import { volumeSizes } from './sizes/sizes.ts';
import { hasProcess } from './state.ts';
import type { DiskUsage, SystemInfo, SystemVersion, VersionComponent } from './system-views.ts';
import { volumeUsers } from './volumes.ts';

/** All of it is true of this host; counts are of now. */
export async function systemInfo(engine: Engine): Promise<SystemInfo> {
  const { config, host } = engine;
  return {
    id: engine.id,
    ...containerCounts(engine),
    images: engine.images.list().length,
    driver: config.storageDriver,
    driverStatus: await driverStatus(engine),
    plugins: { volume: ['local'], network: ['bridge', 'host', 'null'], log: [...logDriverNames] },
    ...limitFacts(engine),
    ...hostFacts(engine),
    debug: config.debug,
    fileDescriptors: (await readdir('/proc/self/fd')).length,
    eventsListeners: engine.events.listenerCount,
    systemTime: Date.now(),
    loggingDriver: config.logDriver,
    cgroupDriver: config.cgroupDriver,
    cgroupVersion: host.cgroups.mode === 'v2' ? '2' : '1',
    dataRoot: config.dataRoot,
    registryMirrors: [...config.registryMirrors],
    insecureRegistries: [...config.insecureRegistries],
    registryMirrorsFor: config.registryMirrorsFor,
    ...proxySettings(engine),
    labels: [...config.labels],
    serverVersion: engineVersion,
    runtimes: runtimesOf(engine),
    defaultRuntime: defaultRuntimeName(config, host),
    liveRestore: true,
    initBinary: config.initPath,
    experimental: config.experimental,
    cdiSpecDirs: [...config.cdiSpecDirs],
    cdiDevices: deviceNames(await readCdiSpecs(config.cdiSpecDirs, () => undefined)),
    securityOptions: securityOptions(engine),
    firewallBackend: engine.networks.firewallBackend ?? 'nftables',
    warnings: warnings(engine),
  };
}

function containerCounts(
  engine: Pick<Engine, 'containers'>,
): Pick<SystemInfo, 'containers' | 'containersRunning' | 'containersPaused' | 'containersStopped'> {
  const shown = engine.containers.list().filter(({ record }) => record.hidden !== true);
  const states = shown.map(({ state }) => state);
  const paused = states.filter(({ status }) => status === 'paused').length;
  const running = states.filter(hasProcess).length - paused;
  return {
    containers: states.length,
    containersRunning: running,
    containersPaused: paused,
    containersStopped: states.length - running - paused,
  };
}

/** Magic numbers of statfs(2). */
const filesystemNames = new Map([
  [0xef53, 'extfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
]);

async function driverStatus({ config, host }: Engine): Promise<Array<[string, string]>> {
  const { type } = await statfs(config.dataRoot);
  return [
    ['Backing Filesystem', filesystemNames.get(type) ?? `0x${type.toString(16)}`],
    ['Supports d_type', 'true'],
    ['Using metacopy', String(host.overlay.parameters['metacopy'] === 'Y')],
  ];
}

function limitFacts({ host }: Engine) {
  const { features } = host.cgroups;
  return {
    memoryLimit: features.memory,
    swapLimit: features.swap,
    cpuCfsPeriod: features.cpuQuota,
    cpuCfsQuota: features.cpuQuota,
    cpuShares: features.cpuShares,
    cpuSet: features.cpuset,
    pidsLimit: features.pids,
    oomKillDisable: features.oomKillDisable,
  };
}

function hostFacts({ host }: Engine) {
  return {
    name: host.hostname,
    kernelVersion: host.kernelVersion,
    operatingSystem: host.operatingSystem,
    osVersion: host.osVersion,
    architecture: host.machine,
    cpuCount: host.cpuCount,
    memoryTotal: host.memoryTotal,
    ipv4Forwarding: host.network.ipv4Forwarding,
  };
}

/** What pulls and pushes go through. Passwords in it are not for everyone. */
function proxySettings({ config }: Engine): Pick<SystemInfo, 'httpProxy' | 'httpsProxy' | 'noProxy'> {
  const { httpProxy, httpsProxy, noProxy } = effectiveProxies(config.proxies);
  return { httpProxy: hidePassword(httpProxy), httpsProxy: hidePassword(httpsProxy), noProxy };
}

function runtimesOf({ config, host }: Engine): SystemInfo['runtimes'] {
  const known = [...knownRuntimes(config, host)];
  return Object.fromEntries(known.map(([name, { path, args }]) => [name, { path, args: [...args] }]));
}

function securityOptions({ config, host }: Engine): string[] {
  const { apparmor, seccomp } = host.security;
  const profile = config.seccompProfile === '' ? 'builtin' : config.seccompProfile;
  return [
    ...(apparmor ? ['name=apparmor'] : []),
    ...(seccomp ? [`name=seccomp,profile=${profile}`] : []),
    ...(host.cgroups.namespaces ? ['name=cgroupns'] : []),
    ...(config.noNewPrivileges ? ['name=no-new-privileges'] : []),
  ];
}

function warnings({ config, host }: Engine): string[] {
  const { features } = host.cgroups;
  const found: Array<[missing: boolean, text: string]> = [
    [!features.memory, 'No memory limit support'],
    [!features.swap, 'No swap limit support'],
    [!features.cpuQuota, 'No cpu cfs quota support'],
    [!features.cpuShares, 'No cpu shares support'],
    [!features.cpuset, 'No cpuset support'],
    [!features.pids, 'No pids limit support'],
    [!features.blkioWeight, 'No blkio weight support'],
    [!features.blkioThrottle, 'No blkio throttle support'],
    [!host.network.ipv4Forwarding, 'IPv4 forwarding is disabled'],
  ];
  const open = config.openAddresses.map(
    (address) =>
      `API is accessible on ${address} without encryption.\n         Whoever reaches it is root on this host: use --tlsverify, ssh:// or a scoped socket.`,
  );
  const missing = found.filter(([is]) => is).map(([, text]) => text);
  return [...missing, ...open].map((text) => `WARNING: ${text}`);
}

/** With the versions of the OCI runtimes, each asked once. */
export async function systemVersion(engine: Engine): Promise<SystemVersion> {
  const { host } = engine;
  const runtime: VersionComponent[] = await runtimeComponents(engine);
  const details = {
    ApiVersion: servedApi.newest,
    Arch: host.architecture,
    BuildTime: '',
    Experimental: String(engine.config.experimental),
    GitCommit: '',
    GoVersion: '',
    KernelVersion: host.kernelVersion,
    MinAPIVersion: servedApi.oldest,
    NodeVersion: process.version,
    Os: 'linux',
  };
  return {
    platform: 'Gantry',
    components: [{ name: 'Engine', version: engineVersion, details }, ...runtime],
    version: engineVersion,
    apiVersion: servedApi.newest,
    minApiVersion: servedApi.oldest,
    gitCommit: '',
    goVersion: '',
    os: 'linux',
    architecture: host.architecture,
    kernelVersion: host.kernelVersion,
    buildTime: '',
  };
}

const askedVersions = new WeakMap<Engine['launcher'], Map<string, Promise<string>>>();

async function runtimeComponents(engine: Engine): Promise<VersionComponent[]> {
  const { crun, runc } = engine.host.programs;
  const found: VersionComponent[] = [];
  for (const [name, path] of Object.entries({ crun, runc })) {
    if (path !== undefined) found.push({ name, version: await programVersion(engine, path), details: {} });
  }
  return found;
}

/** The number in the first line of `PROGRAM --version`, or ''. */
function programVersion(engine: Engine, path: string): Promise<string> {
  const asked = askedVersions.get(engine.launcher) ?? new Map<string, Promise<string>>();
  askedVersions.set(engine.launcher, asked);
  const version = asked.get(path) ?? askVersion(engine, path);
  asked.set(path, version);
  return version;
}

async function askVersion({ launcher }: Engine, path: string): Promise<string> {
  try {
    const { stdout } = await launcher.run({ argv: [path, '--version'], timeoutMs: 5000 });
    return /version ([^\s,]+)/.exec(stdout.toString())?.[1] ?? '';
  } catch {
    return '';
  }
}

/** Volumes and read-write layers are counted where something changed; layers of images have their sizes on record. */
export async function systemDiskUsage(engine: Engine): Promise<DiskUsage> {
  const users = volumeUsers(engine);
  const volumes = engine.volumes.list();
  const sizes = await volumeSizes(engine, volumes);
  return {
    layersSize: layersSize(engine),
    images: listImages(engine, { filters: noFilters, sharedSize: true }),
    containers: await listContainers(engine, { all: true, limit: 0, size: true, filters: noFilters }),
    volumes: volumes.map((volume, index) => ({
      ...volume,
      usage: { size: sizes[index] ?? -1, refCount: users.get(volume.name)?.length ?? 0 },
    })),
  };
}
