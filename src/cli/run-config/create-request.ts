/** From the flags of run and create to the body of `POST /containers/create`. */
import { EngineError } from '../../errors/engine-error.ts';
import type { ContainerCreateRequest } from '../../wire/container.ts';
import type { HostConfig } from '../../wire/host-config.ts';
import type { Lenient } from '../../wire/lenient.ts';
import { parseCapabilities } from './capabilities.ts';
import type { ContainerFlags } from './container-flags.ts';
import { toRecord } from './csv.ts';
import { deviceOf, isCdiDevice } from './device-flags.ts';
import { parseHealth } from './health.ts';
import { type Networking, parseNetworking } from './networking.ts';
import { parsePorts } from './ports.ts';
import { parseSecurityOptions } from './security-options.ts';
import { readEnvFile, readLabelFile } from './variables.ts';
import { parseTmpfs, parseVolumes, type VolumeRequests } from './volume-flags.ts';

function fail(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}

/**
 * The request for `image` with `command` ([] for the image's own). EngineError `invalid-argument` in docker's words
 * for values that can't be and flags that exclude each other.
 */
export function createRequest(
  flags: ContainerFlags,
  image: string,
  command: readonly string[],
): ContainerCreateRequest {
  checkConflicts(flags);
  const ports = parsePorts(flags.publish, flags.expose);
  const volumes = parseVolumes(flags.volume);
  const networking = parseNetworking(flags);
  const health = parseHealth(flags);
  return {
    ...processConfig(flags, image, command),
    ...(Object.keys(ports.exposed).length === 0 ? {} : { ExposedPorts: ports.exposed }),
    ...(health === undefined ? {} : { Healthcheck: health }),
    Volumes: volumes.anonymous,
    HostConfig: {
      ...hostConfig(flags, networking, volumes),
      ...resources(flags),
      PortBindings: ports.bindings,
    },
    NetworkingConfig: { EndpointsConfig: networking.endpoints },
  };
}

function checkConflicts(flags: ContainerFlags): void {
  const modes: Array<[flag: string, value: string, pattern: RegExp, noun: string]> = [
    ['pid', flags.pid, /^(host|container:.+)?$/, 'PID'],
    ['uts', flags.uts, /^(host)?$/, 'UTS'],
    ['userns', flags.userns, /^(host)?$/, 'USER'],
    ['cgroupns', flags.cgroupns, /^(host|private)?$/, 'CGROUP'],
  ];
  for (const [flag, value, pattern, noun] of modes) {
    if (!pattern.test(value)) throw fail(`--${flag}: invalid ${noun} mode`);
  }
  if (flags.egress.length > 0 && 'gantry.egress' in toRecord(flags.annotation)) {
    throw fail('conflicting options: --egress and --annotation gantry.egress');
  }
  if (flags.rm && flags['restart-on-unhealthy']) {
    throw fail('conflicting options: cannot specify both --restart-on-unhealthy and --rm');
  }
  if (flags.rm && !['no', ''].includes(flags.restart)) {
    throw fail('conflicting options: cannot specify both --restart and --rm');
  }
  const swappiness = flags['memory-swappiness'];
  if (swappiness < -1 || swappiness > 100) {
    throw fail(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  if (flags['log-driver'] === 'none' && flags['log-opt'].length > 0) {
    throw fail(`invalid logging opts for driver none`);
  }
  if (flags['storage-opt'].some((option) => !option.includes('='))) throw fail('invalid storage option');
  if (flags['use-api-socket']) {
    throw new EngineError('not-implemented', '--use-api-socket is not supported', {
      hint: 'Mount the socket: -v /run/gantry.sock:/var/run/docker.sock.',
    });
  }
}

function processConfig(flags: ContainerFlags, image: string, command: readonly string[]) {
  const attach = new Set(flags.attach);
  const everything = attach.size === 0;
  const attachStdin = everything ? flags.interactive : attach.has('stdin');
  return {
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    AttachStdin: attachStdin,
    AttachStdout: everything || attach.has('stdout'),
    AttachStderr: everything || attach.has('stderr'),
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && attachStdin,
    Env: orNull([...flags['env-file'].flatMap(readEnvFile), ...flags.env]),
    Cmd: orNull(command),
    Image: image,
    WorkingDir: flags.workdir,
    Entrypoint: flags.entrypoint === undefined ? null : [flags.entrypoint],
    OnBuild: null,
    Labels: toRecord([...flags['label-file'].flatMap(readLabelFile), ...flags.label]),
    ...(flags['stop-signal'] === '' ? {} : { StopSignal: flags['stop-signal'] }),
    ...(flags['stop-timeout'] === undefined ? {} : { StopTimeout: flags['stop-timeout'] }),
  };
}

function hostConfig(
  flags: ContainerFlags,
  networking: Networking,
  volumes: VolumeRequests,
): Lenient<HostConfig> {
  const security = parseSecurityOptions(flags['security-opt']);
  const capabilities = parseCapabilities(flags['cap-add'], flags['cap-drop']);
  return {
    Binds: orNull(volumes.binds),
    ContainerIDFile: flags.cidfile,
    LogConfig: { Type: flags['log-driver'], Config: toRecord(flags['log-opt']) },
    NetworkMode: networking.mode,
    RestartPolicy: restartPolicy(flags.restart),
    AutoRemove: flags.rm,
    ...(flags['restart-on-unhealthy'] ? { RestartOnUnhealthy: true } : {}),
    ...(flags['publish-from'].length === 0
      ? {}
      : { PublishFrom: flags['publish-from'].flatMap((word) => word.split(',')) }),
    VolumeDriver: flags['volume-driver'],
    VolumesFrom: orNull(flags['volumes-from']),
    ConsoleSize: [0, 0],
    CapAdd: orNull(capabilities.add),
    CapDrop: orNull(capabilities.drop),
    CgroupnsMode: flags.cgroupns,
    Dns: [...flags.dns],
    DnsOptions: [...flags['dns-option'], ...flags['dns-opt']],
    DnsSearch: flags['dns-search'].filter((domain) => domain !== '.' || flags['dns-search'].length === 1),
    ExtraHosts: orNull(flags['add-host']),
    GroupAdd: orNull(flags['group-add']),
    IpcMode: flags.ipc,
    Cgroup: '',
    Links: orNull(flags.link),
    OomScoreAdj: flags['oom-score-adj'],
    PidMode: flags.pid,
    Privileged: flags.privileged,
    PublishAllPorts: flags['publish-all'],
    ReadonlyRootfs: flags['read-only'],
    SecurityOpt: security.unmasked ? security.options : orNull(security.options),
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    ShmSize: flags['shm-size'],
    Isolation: flags.isolation,
    MaskedPaths: security.unmasked ? [] : null,
    ReadonlyPaths: security.unmasked ? [] : null,
    ...optionalHostConfig(flags),
  };
}

/** Fields that docker leaves out where nothing was asked. */
function optionalHostConfig(flags: ContainerFlags): Lenient<HostConfig> {
  const egress = flags.egress.length === 0 ? {} : { 'gantry.egress': flags.egress.join(',') };
  const annotations = { ...toRecord(flags.annotation), ...egress };
  return {
    ...(Object.keys(annotations).length === 0 ? {} : { Annotations: annotations }),
    ...(flags['storage-opt'].length === 0 ? {} : { StorageOpt: toRecord(flags['storage-opt']) }),
    ...(flags.tmpfs.length === 0 ? {} : { Tmpfs: parseTmpfs(flags.tmpfs) }),
    ...(flags.sysctl.length === 0 ? {} : { Sysctls: toRecord(flags.sysctl) }),
    ...(flags.runtime === '' ? {} : { Runtime: flags.runtime }),
    ...(flags.mount.length === 0 ? {} : { Mounts: [...flags.mount] }),
    ...(flags.init === undefined ? {} : { Init: flags.init }),
  };
}

function resources(flags: ContainerFlags): Lenient<HostConfig> {
  const cdi = flags.device.filter(isCdiDevice);
  const cdiRequest = { Driver: 'cdi', Count: 0, DeviceIDs: cdi, Capabilities: null, Options: null };
  return {
    CpuShares: flags['cpu-shares'],
    Memory: flags.memory,
    NanoCpus: flags.cpus,
    CgroupParent: flags['cgroup-parent'],
    BlkioWeight: flags['blkio-weight'],
    BlkioWeightDevice: [...flags['blkio-weight-device']],
    BlkioDeviceReadBps: [...flags['device-read-bps']],
    BlkioDeviceWriteBps: [...flags['device-write-bps']],
    BlkioDeviceReadIOps: [...flags['device-read-iops']],
    BlkioDeviceWriteIOps: [...flags['device-write-iops']],
    CpuPeriod: flags['cpu-period'],
    CpuQuota: flags['cpu-quota'],
    CpuRealtimePeriod: flags['cpu-rt-period'],
    CpuRealtimeRuntime: flags['cpu-rt-runtime'],
    CpusetCpus: flags['cpuset-cpus'],
    CpusetMems: flags['cpuset-mems'],
    Devices: flags.device.filter((device) => !isCdiDevice(device)).map(deviceOf),
    DeviceCgroupRules: orNull(flags['device-cgroup-rule']),
    DeviceRequests: orNull([...flags.gpus, ...(cdi.length === 0 ? [] : [cdiRequest])]),
    MemoryReservation: flags['memory-reservation'],
    MemorySwap: flags['memory-swap'],
    MemorySwappiness: flags['memory-swappiness'],
    OomKillDisable: flags['oom-kill-disable'],
    PidsLimit: flags['pids-limit'],
    Ulimits: [...flags.ulimit],
    CpuCount: flags['cpu-count'],
    CpuPercent: flags['cpu-percent'],
    IOMaximumIOps: flags['io-maxiops'],
    IOMaximumBandwidth: flags['io-maxbandwidth'],
  };
}

/** `on-failure:3`. EngineError `invalid-argument` in docker's words. */
export function restartPolicy(text: string): { Name: string; MaximumRetryCount: number } {
  const colon = text.indexOf(':');
  if (colon < 0) return { Name: text, MaximumRetryCount: 0 };
  const [name, count] = [text.slice(0, colon), text.slice(colon + 1)];
  if (name === '') throw fail('invalid restart policy format: no policy provided before colon');
  if (count !== '' && !/^[+-]?\d+$/.test(count)) {
    throw fail('invalid restart policy format: maximum retry count must be an integer');
  }
  return { Name: name, MaximumRetryCount: Number(count) };
}

function orNull<T>(values: readonly T[]): T[] | null {
  return values.length === 0 ? null : [...values];
}
