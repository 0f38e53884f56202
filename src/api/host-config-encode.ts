/** The engine's `HostConfig` as Docker shows it. */
import type { HostConfig, MountRequest, Resources } from '../engine/model.ts';
import { maskedByDefault, readonlyByDefault } from '../engine/spec/mounts.ts';
import type {
  Mount,
  ThrottleDevice,
  HostConfig as WireHostConfig,
  Resources as WireResources,
} from '../wire/host-config.ts';

export function encodeHostConfig(config: HostConfig): WireHostConfig {
  return {
    ...encodeResources(config),
    Binds: orNull(config.binds),
    ContainerIDFile: config.containerIdFile,
    LogConfig: { Type: config.logConfig.type, Config: config.logConfig.config },
    NetworkMode: config.networkMode,
    PortBindings: encodePortBindings(config),
    RestartPolicy: {
      Name: config.restartPolicy.name || 'no',
      MaximumRetryCount: config.restartPolicy.maximumRetryCount,
    },
    ...(config.restartOnUnhealthy === true ? { RestartOnUnhealthy: true } : {}),
    ...(config.publishFrom === undefined ? {} : { PublishFrom: config.publishFrom }),
    AutoRemove: config.autoRemove,
    VolumeDriver: config.volumeDriver,
    VolumesFrom: orNull(config.volumesFrom),
    ConsoleSize: config.consoleSize,
    ...(isEmpty(config.annotations) ? {} : { Annotations: config.annotations }),
    CapAdd: orNull(config.capAdd),
    CapDrop: orNull(config.capDrop),
    CgroupnsMode: config.cgroupnsMode,
    Dns: config.dns,
    DnsOptions: config.dnsOptions,
    DnsSearch: config.dnsSearch,
    ExtraHosts: orNull(config.extraHosts),
    GroupAdd: orNull(config.groupAdd),
    IpcMode: config.ipcMode,
    Cgroup: config.cgroup,
    Links: orNull(config.links),
    OomScoreAdj: config.oomScoreAdj,
    PidMode: config.pidMode,
    Privileged: config.privileged,
    PublishAllPorts: config.publishAllPorts,
    ReadonlyRootfs: config.readonlyRootfs,
    SecurityOpt: orNull(config.securityOpt),
    UTSMode: config.utsMode,
    UsernsMode: config.usernsMode,
    ShmSize: config.shmSize,
    Runtime: config.runtime,
    Isolation: config.isolation,
    MaskedPaths: config.maskedPaths ?? (config.privileged ? null : maskedByDefault),
    ReadonlyPaths: config.readonlyPaths ?? (config.privileged ? null : readonlyByDefault),
    ...encodeRarities(config),
  };
}

/** What Docker leaves out where it is empty. */
function encodeRarities(config: HostConfig): Partial<WireHostConfig> {
  return {
    ...(isEmpty(config.storageOpt) ? {} : { StorageOpt: config.storageOpt }),
    ...(isEmpty(config.tmpfs) ? {} : { Tmpfs: config.tmpfs }),
    ...(isEmpty(config.sysctls) ? {} : { Sysctls: config.sysctls }),
    ...(config.mounts.length === 0 ? {} : { Mounts: config.mounts.map(encodeMount) }),
    ...(config.init === undefined ? {} : { Init: config.init }),
  };
}

function encodeResources(config: Resources): WireResources {
  return {
    CpuShares: config.cpuShares,
    Memory: config.memory,
    NanoCpus: config.nanoCpus,
    CgroupParent: config.cgroupParent,
    BlkioWeight: config.blkioWeight,
    BlkioWeightDevice: config.blkioWeightDevice.map((one) => ({ Path: one.path, Weight: one.weight })),
    BlkioDeviceReadBps: encodeThrottles(config.blkioDeviceReadBps),
    BlkioDeviceWriteBps: encodeThrottles(config.blkioDeviceWriteBps),
    BlkioDeviceReadIOps: encodeThrottles(config.blkioDeviceReadIops),
    BlkioDeviceWriteIOps: encodeThrottles(config.blkioDeviceWriteIops),
    CpuPeriod: config.cpuPeriod,
    CpuQuota: config.cpuQuota,
    CpuRealtimePeriod: config.cpuRealtimePeriod,
    CpuRealtimeRuntime: config.cpuRealtimeRuntime,
    CpusetCpus: config.cpusetCpus,
    CpusetMems: config.cpusetMems,
    Devices: config.devices.map((one) => ({
      PathOnHost: one.pathOnHost,
      PathInContainer: one.pathInContainer,
      CgroupPermissions: one.cgroupPermissions,
    })),
    DeviceCgroupRules: orNull(config.deviceCgroupRules),
    DeviceRequests: config.deviceRequests.length === 0 ? null : config.deviceRequests,
    MemoryReservation: config.memoryReservation,
    MemorySwap: config.memorySwap,
    MemorySwappiness: config.memorySwappiness ?? null,
    OomKillDisable: config.oomKillDisable ?? null,
    PidsLimit: config.pidsLimit ?? null,
    Ulimits: config.ulimits.map((one) => ({ Name: one.name, Hard: one.hard, Soft: one.soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function encodeThrottles(devices: ReadonlyArray<{ path: string; rate: number }>): ThrottleDevice[] | null {
  return devices.length === 0 ? null : devices.map((one) => ({ Path: one.path, Rate: one.rate }));
}

function encodePortBindings(config: HostConfig): WireHostConfig['PortBindings'] {
  const entries = Object.entries(config.portBindings).map(([port, bindings]) => [
    port,
    bindings.map((one) => ({ HostIp: one.hostIp, HostPort: one.hostPort })),
  ]);
  return Object.fromEntries(entries);
}

function encodeMount(mount: MountRequest): Mount {
  return {
    Type: mount.type,
    ...(mount.source === '' ? {} : { Source: mount.source }),
    Target: mount.target,
    ...(mount.readOnly ? { ReadOnly: true } : {}),
    ...(mount.consistency === undefined ? {} : { Consistency: mount.consistency }),
    ...encodeBindOptions(mount.bind),
    ...encodeVolumeOptions(mount.volume),
    ...encodeTmpfsOptions(mount.tmpfs),
    ...(mount.image?.subpath === undefined ? {} : { ImageOptions: { Subpath: mount.image.subpath } }),
  };
}

function encodeBindOptions(bind: MountRequest['bind']): Pick<Mount, 'BindOptions'> {
  if (bind === undefined) return {};
  return {
    BindOptions: {
      ...(bind.propagation === undefined ? {} : { Propagation: bind.propagation }),
      ...(bind.nonRecursive ? { NonRecursive: true } : {}),
      ...(bind.createMountpoint ? { CreateMountpoint: true } : {}),
      ...(bind.readOnlyNonRecursive ? { ReadOnlyNonRecursive: true } : {}),
      ...(bind.readOnlyForceRecursive ? { ReadOnlyForceRecursive: true } : {}),
    },
  };
}

function encodeVolumeOptions(volume: MountRequest['volume']): Pick<Mount, 'VolumeOptions'> {
  if (volume === undefined) return {};
  return {
    VolumeOptions: {
      ...(volume.noCopy ? { NoCopy: true } : {}),
      ...(isEmpty(volume.labels) ? {} : { Labels: volume.labels }),
      ...(volume.driver === undefined
        ? {}
        : {
            DriverConfig: {
              ...(volume.driver.name === '' ? {} : { Name: volume.driver.name }),
              ...(isEmpty(volume.driver.options) ? {} : { Options: volume.driver.options }),
            },
          }),
      ...(volume.subpath === undefined ? {} : { Subpath: volume.subpath }),
    },
  };
}

function encodeTmpfsOptions(tmpfs: MountRequest['tmpfs']): Pick<Mount, 'TmpfsOptions'> {
  if (tmpfs === undefined) return {};
  return {
    TmpfsOptions: {
      ...(tmpfs.sizeBytes === undefined ? {} : { SizeBytes: tmpfs.sizeBytes }),
      ...(tmpfs.mode === undefined ? {} : { Mode: tmpfs.mode }),
      ...(tmpfs.options === undefined
        ? {}
        : { Options: tmpfs.options.map((option) => option.split(/=(.*)/s).slice(0, 2)) }),
    },
  };
}

function orNull(list: string[]): string[] | null {
  return list.length === 0 ? null : list;
}

function isEmpty(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length === 0;
}
