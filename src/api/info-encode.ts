/** `GET /info` as Docker shows it. */
import type { SystemInfo } from '../engine/system-views.ts';
import { compareApiVersions } from '../wire/api-version.ts';
import type { InfoResponse } from '../wire/system.ts';
import { rfc3339 } from './timestamps.ts';

const hub = 'https://index.docker.io/v1/';

export function encodeInfo(info: SystemInfo, version: string): InfoResponse {
  return {
    ID: info.id,
    Containers: info.containers,
    ContainersRunning: info.containersRunning,
    ContainersPaused: info.containersPaused,
    ContainersStopped: info.containersStopped,
    Images: info.images,
    Driver: info.driver,
    DriverStatus: info.driverStatus,
    Plugins: {
      Volume: info.plugins.volume,
      Network: info.plugins.network,
      Authorization: null,
      Log: info.plugins.log,
    },
    ...encodeLimits(info, version),
    ...encodeHost(info),
    RegistryConfig: encodeRegistries(info),
    GenericResources: null,
    DockerRootDir: info.dataRoot,
    HttpProxy: info.httpProxy,
    HttpsProxy: info.httpsProxy,
    NoProxy: info.noProxy,
    Name: info.name,
    Labels: info.labels,
    ExperimentalBuild: info.experimental,
    ServerVersion: info.serverVersion,
    Runtimes: encodeRuntimes(info),
    DefaultRuntime: info.defaultRuntime,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: info.liveRestore,
    Isolation: '',
    InitBinary: info.initBinary,
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    ...encodeSecurity(info, version),
    ...discoveredDevices(info, version),
    CDISpecDirs: info.cdiSpecDirs,
    Warnings: info.warnings.length === 0 ? null : info.warnings,
  };
}

/** From 1.50, where there are any. */
function discoveredDevices(
  { cdiDevices }: SystemInfo,
  version: string,
): Pick<InfoResponse, 'DiscoveredDevices'> {
  if (cdiDevices.length === 0 || compareApiVersions(version, '1.50') < 0) return {};
  return { DiscoveredDevices: cdiDevices.map((name) => ({ Source: 'cdi', ID: name })) };
}

function encodeSecurity(info: SystemInfo, version: string) {
  /* Up to 1.24 options had names and nothing else. */
  const isOld = compareApiVersions(version, '1.25') < 0;
  const options = info.securityOptions;
  const names = options.map((option) => /(?:^|,)name=([^,]*)/.exec(option)?.[1] ?? option);
  return {
    SecurityOptions: isOld ? names : options,
    ...(isOld ? { ExecutionDriver: '<not supported>' } : {}),
    ...(compareApiVersions(version, '1.49') < 0 ? {} : { FirewallBackend: { Driver: info.firewallBackend } }),
  };
}

function encodeLimits(info: SystemInfo, version: string) {
  return {
    MemoryLimit: info.memoryLimit,
    SwapLimit: info.swapLimit,
    /* Gone from the API with 1.42. */
    ...(compareApiVersions(version, '1.42') < 0 ? { KernelMemory: false, KernelMemoryTCP: false } : {}),
    CpuCfsPeriod: info.cpuCfsPeriod,
    CpuCfsQuota: info.cpuCfsQuota,
    CPUShares: info.cpuShares,
    CPUSet: info.cpuSet,
    PidsLimit: info.pidsLimit,
    OomKillDisable: info.oomKillDisable,
  };
}

function encodeHost(info: SystemInfo) {
  return {
    IPv4Forwarding: info.ipv4Forwarding,
    Debug: info.debug,
    NFd: info.fileDescriptors,
    NGoroutines: 0,
    SystemTime: rfc3339(info.systemTime),
    LoggingDriver: info.loggingDriver,
    CgroupDriver: info.cgroupDriver,
    CgroupVersion: info.cgroupVersion,
    NEventsListener: info.eventsListeners,
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: info.osVersion,
    OSType: 'linux',
    Architecture: info.architecture,
    IndexServerAddress: hub,
    NCPU: info.cpuCount,
    MemTotal: info.memoryTotal,
  };
}

function encodeRuntimes(info: SystemInfo): InfoResponse['Runtimes'] {
  const entries = Object.entries(info.runtimes).map(([name, runtime]) => [
    name,
    { path: runtime.path, ...(runtime.args.length === 0 ? {} : { runtimeArgs: runtime.args }) },
  ]);
  return Object.fromEntries(entries);
}

function encodeRegistries(info: SystemInfo): InfoResponse['RegistryConfig'] {
  const isCidr = (registry: string): boolean => registry.includes('/');
  const hosts = info.insecureRegistries.filter((registry) => !isCidr(registry));
  const mirrors = (name: string): string[] => [...(info.registryMirrorsFor[name] ?? [])];
  const names = new Set([...hosts, ...Object.keys(info.registryMirrorsFor)]);
  names.delete('docker.io');
  const others = [...names].map((name) => [
    name,
    { Name: name, Mirrors: mirrors(name), Secure: !hosts.includes(name), Official: false },
  ]);
  const hubMirrors = [...mirrors('docker.io'), ...info.registryMirrors];
  return {
    InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8', ...info.insecureRegistries.filter(isCidr)],
    IndexConfigs: {
      'docker.io': { Name: 'docker.io', Mirrors: hubMirrors, Secure: true, Official: true },
      ...Object.fromEntries(others),
    },
    Mirrors: hubMirrors,
  };
}
