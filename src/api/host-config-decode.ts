/** `HostConfig` as a client sends it, into the engine's. Values are checked by the engine: here only their types are. */

import type { HostConfig, MountRequest, Resources } from '../engine/model.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Fields } from './fields.ts';

const restartPolicies = ['', 'no', 'always', 'unless-stopped', 'on-failure'] as const;
const mountTypes = ['bind', 'volume', 'tmpfs', 'image', 'npipe', 'cluster'] as const;

export function decodeHostConfig(fields: Fields): HostConfig {
  const init = fields.optionalBoolean('Init');
  const maskedPaths = fields.optionalStrings('MaskedPaths');
  const readonlyPaths = fields.optionalStrings('ReadonlyPaths');
  const publishFrom = fields.optionalStrings('PublishFrom');
  return {
    ...withoutEmptyLimits(decodeResources(fields)),
    ...decodeNamespaces(fields),
    ...decodeSecurity(fields),
    binds: fields.strings('Binds'),
    containerIdFile: fields.string('ContainerIDFile'),
    logConfig: {
      type: fields.object('LogConfig').string('Type'),
      config: fields.object('LogConfig').stringMap('Config'),
    },
    networkMode: fields.string('NetworkMode') || 'default',
    portBindings: decodePortBindings(fields),
    restartPolicy: decodeRestartPolicy(fields.object('RestartPolicy')),
    ...(fields.boolean('RestartOnUnhealthy') ? { restartOnUnhealthy: true } : {}),
    ...(publishFrom === undefined || publishFrom.length === 0 ? {} : { publishFrom }),
    autoRemove: fields.boolean('AutoRemove'),
    volumeDriver: fields.string('VolumeDriver'),
    volumesFrom: fields.strings('VolumesFrom'),
    consoleSize: fields.pair('ConsoleSize') ?? [0, 0],
    annotations: fields.stringMap('Annotations'),
    dns: fields.strings('Dns'),
    dnsOptions: fields.strings('DnsOptions'),
    dnsSearch: fields.strings('DnsSearch'),
    extraHosts: fields.strings('ExtraHosts'),
    links: fields.strings('Links'),
    publishAllPorts: fields.boolean('PublishAllPorts'),
    storageOpt: fields.stringMap('StorageOpt'),
    tmpfs: fields.stringMap('Tmpfs'),
    shmSize: fields.integer('ShmSize'),
    sysctls: fields.stringMap('Sysctls'),
    runtime: fields.string('Runtime'),
    isolation: fields.string('Isolation'),
    mounts: fields.objects('Mounts').map(decodeMount),
    ...(maskedPaths === undefined ? {} : { maskedPaths }),
    ...(readonlyPaths === undefined ? {} : { readonlyPaths }),
    ...(init === undefined ? {} : { init }),
  };
}

/** What a client writes for no limit is no limit, as Docker shows it. In an update it is a wish of its own. */
function withoutEmptyLimits({ pidsLimit = 0, memorySwappiness = -1, ...others }: Resources): Resources {
  return {
    ...others,
    ...(pidsLimit > 0 ? { pidsLimit } : {}),
    ...(memorySwappiness === -1 ? {} : { memorySwappiness }),
  };
}

function decodeNamespaces(fields: Fields) {
  return {
    cgroupnsMode: fields.string('CgroupnsMode'),
    ipcMode: fields.string('IpcMode'),
    cgroup: fields.string('Cgroup'),
    pidMode: fields.string('PidMode'),
    utsMode: fields.string('UTSMode'),
    usernsMode: fields.string('UsernsMode'),
  };
}

function decodeSecurity(fields: Fields) {
  return {
    capAdd: fields.strings('CapAdd'),
    capDrop: fields.strings('CapDrop'),
    groupAdd: fields.strings('GroupAdd'),
    oomScoreAdj: fields.integer('OomScoreAdj'),
    privileged: fields.boolean('Privileged'),
    readonlyRootfs: fields.boolean('ReadonlyRootfs'),
    securityOpt: fields.strings('SecurityOpt'),
  };
}

/** Of `HostConfig`, and of the body of an update. */
export function decodeResources(fields: Fields): Resources {
  const memorySwappiness = fields.optionalInteger('MemorySwappiness');
  const pidsLimit = fields.optionalInteger('PidsLimit');
  const oomKillDisable = fields.optionalBoolean('OomKillDisable');
  return {
    memory: fields.integer('Memory'),
    memoryReservation: fields.integer('MemoryReservation'),
    memorySwap: fields.integer('MemorySwap'),
    nanoCpus: fields.integer('NanoCpus'),
    cpuShares: fields.integer('CpuShares'),
    cpuPeriod: fields.integer('CpuPeriod'),
    cpuQuota: fields.integer('CpuQuota'),
    cpuRealtimePeriod: fields.integer('CpuRealtimePeriod'),
    cpuRealtimeRuntime: fields.integer('CpuRealtimeRuntime'),
    cpusetCpus: fields.string('CpusetCpus'),
    cpusetMems: fields.string('CpusetMems'),
    blkioWeight: fields.integer('BlkioWeight'),
    blkioWeightDevice: fields
      .objects('BlkioWeightDevice')
      .map((one) => ({ path: one.string('Path'), weight: one.integer('Weight') })),
    blkioDeviceReadBps: decodeThrottles(fields, 'BlkioDeviceReadBps'),
    blkioDeviceWriteBps: decodeThrottles(fields, 'BlkioDeviceWriteBps'),
    blkioDeviceReadIops: decodeThrottles(fields, 'BlkioDeviceReadIOps'),
    blkioDeviceWriteIops: decodeThrottles(fields, 'BlkioDeviceWriteIOps'),
    devices: fields.objects('Devices').map((one) => ({
      pathOnHost: one.string('PathOnHost'),
      pathInContainer: one.string('PathInContainer'),
      cgroupPermissions: one.string('CgroupPermissions'),
    })),
    deviceCgroupRules: fields.strings('DeviceCgroupRules'),
    deviceRequests: decodeDeviceRequests(fields),
    cgroupParent: fields.string('CgroupParent'),
    ulimits: fields
      .objects('Ulimits')
      .map((one) => ({ name: one.string('Name'), soft: one.integer('Soft'), hard: one.integer('Hard') })),
    ...(memorySwappiness === undefined ? {} : { memorySwappiness }),
    ...(pidsLimit === undefined ? {} : { pidsLimit }),
    ...(oomKillDisable === undefined ? {} : { oomKillDisable }),
  };
}

/** Kept as they came, once their types are known to be right. */
function decodeDeviceRequests(fields: Fields): unknown[] {
  for (const one of fields.objects('DeviceRequests')) {
    one.string('Driver');
    one.integer('Count');
    one.strings('DeviceIDs');
    one.list('Capabilities');
    one.stringMap('Options');
  }
  return fields.list('DeviceRequests');
}

function decodeThrottles(fields: Fields, name: string): Array<{ path: string; rate: number }> {
  return fields.objects(name).map((one) => ({ path: one.string('Path'), rate: one.integer('Rate') }));
}

function decodePortBindings(fields: Fields): HostConfig['portBindings'] {
  const entries = fields
    .objectListMap('PortBindings')
    .map(([port, bindings]) => [
      port,
      bindings.map((one) => ({ hostIp: one.string('HostIp'), hostPort: one.string('HostPort') })),
    ]);
  return Object.fromEntries(entries);
}

export function decodeRestartPolicy(fields: Fields): HostConfig['restartPolicy'] {
  const name = oneOf(fields.string('Name'), restartPolicies, 'invalid restart policy: unknown policy');
  return { name, maximumRetryCount: fields.integer('MaximumRetryCount') };
}

function decodeMount(fields: Fields): MountRequest {
  const bind = fields.optionalObject('BindOptions');
  const volume = fields.optionalObject('VolumeOptions');
  const tmpfs = fields.optionalObject('TmpfsOptions');
  const consistency = fields.string('Consistency');
  const subpath = fields.object('ImageOptions').string('Subpath');
  return {
    source: fields.string('Source'),
    target: fields.string('Target'),
    readOnly: fields.boolean('ReadOnly'),
    ...(consistency === '' ? {} : { consistency }),
    ...(bind === undefined ? {} : { bind: decodeBindOptions(bind) }),
    ...(volume === undefined ? {} : { volume: decodeVolumeOptions(volume) }),
    ...(tmpfs === undefined ? {} : { tmpfs: decodeTmpfsOptions(tmpfs) }),
    ...(subpath === '' ? {} : { image: { subpath } }),
    type: oneOf(fields.string('Type'), mountTypes, 'invalid mount config: mount type unknown:'),
  };
}

function decodeBindOptions(fields: Fields): NonNullable<MountRequest['bind']> {
  const propagation = fields.string('Propagation');
  return {
    ...(propagation === '' ? {} : { propagation }),
    nonRecursive: fields.boolean('NonRecursive'),
    createMountpoint: fields.boolean('CreateMountpoint'),
    readOnlyNonRecursive: fields.boolean('ReadOnlyNonRecursive'),
    readOnlyForceRecursive: fields.boolean('ReadOnlyForceRecursive'),
  };
}

function decodeVolumeOptions(fields: Fields): NonNullable<MountRequest['volume']> {
  const driver = fields.optionalObject('DriverConfig');
  const subpath = fields.string('Subpath');
  return {
    noCopy: fields.boolean('NoCopy'),
    labels: fields.stringMap('Labels'),
    ...(driver === undefined
      ? {}
      : { driver: { name: driver.string('Name'), options: driver.stringMap('Options') } }),
    ...(subpath === '' ? {} : { subpath }),
  };
}

function decodeTmpfsOptions(fields: Fields): NonNullable<MountRequest['tmpfs']> {
  const sizeBytes = fields.optionalInteger('SizeBytes');
  const mode = fields.optionalInteger('Mode');
  const options = fields.list('Options').map(decodeTmpfsOption);
  return {
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(mode === undefined ? {} : { mode }),
    ...(options.length === 0 ? {} : { options }),
  };
}

/** `["exec"]`, or `["uid", "5"]`. */
function decodeTmpfsOption(option: unknown): string {
  const isPair = Array.isArray(option) && (option.length === 1 || option.length === 2);
  if (isPair && option.every((part) => typeof part === 'string')) return option.join('=');
  throw new EngineError('invalid-argument', `invalid option array length: ${JSON.stringify(option)}`);
}

function oneOf<T extends string>(value: string, known: readonly T[], complaint: string): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw new EngineError('invalid-argument', `${complaint} '${value}'`, {
    hint: `it must be one of ${known.filter((one) => one !== '').join(', ')}`,
  });
}
