/** The OCI configuration of a container, from its record and what this start found out. */
import { readFileSync } from 'node:fs';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { cgroupsPathOf } from '../host/cgroups.ts';
import { gatherBlockDevices, gatherDevices } from '../host/devices.ts';
import type { RuntimeSpec } from '../oci/runtime-spec.ts';
import { networkNamespacePath } from '../runtime/runtime-types.ts';
import { readLayeredFile } from '../snapshots/layered-files.ts';
import { parseDeviceRequest, readCdiSpecs, resolveDevices } from './cdi/cdi-devices.ts';
import { injectDevices } from './cdi/cdi-inject.ts';
import type { CdiEdits } from './cdi/cdi-spec.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { linkEnvironment } from './links.ts';
import type { ContainerRecord } from './model.ts';
import type { ContainerFiles } from './paths.ts';
import { buildSpec } from './spec/build-spec.ts';
import { joinedContainer, usesInit } from './spec/modes.ts';
import { blockDevicePaths } from './spec/resources.ts';
import type { JoinedContainer, SpecDefaults, SpecInput } from './spec/spec-input.ts';
import { type ResolvedUser, resolveUser } from './spec/user.ts';
import type { ContainerNetwork } from './start-network.ts';
import type { Root } from './start-root.ts';

/** The container's cgroup, as the OCI configuration names it. */
export function cgroupsPath(engine: Pick<Engine, 'config'>, record: ContainerRecord): string {
  const parent = record.hostConfig.cgroupParent || engine.config.cgroupParent;
  return cgroupsPathOf({ driver: engine.config.cgroupDriver, parent, id: record.id });
}

/** The daemon's settings that show in a container. */
export function specDefaults({ config }: Pick<Engine, 'config'>): SpecDefaults {
  const profile = config.seccompProfile;
  return {
    ulimits: config.defaultUlimits,
    init: config.init,
    shmSize: config.defaultShmSize,
    noNewPrivileges: config.noNewPrivileges,
    ...(profile === '' ? {} : { seccompProfile: profileContent(profile) }),
  };
}

function profileContent(profile: string): string {
  if (!profile.startsWith('/')) return profile;
  try {
    return readFileSync(profile, 'utf8');
  } catch (error) {
    throw new EngineError('failed-precondition', `opening seccomp profile failed: ${messageOf(error)}`, {
      cause: error,
      hint: 'correct --seccomp-profile and start the daemon anew',
    });
  }
}

/** Looks a user up in the passwd and group files of the container's layers. */
export function lookUpUser(
  engine: Pick<Engine, 'snapshots'>,
  { id, hostConfig }: ContainerRecord,
  user: string,
): ResolvedUser {
  const { upper, lower } = engine.snapshots.mount(id);
  const read = (path: string): string => readLayeredFile([upper, ...lower], path)?.toString('utf8') ?? '';
  return resolveUser(user, hostConfig.groupAdd, read('/etc/passwd'), read('/etc/group'));
}

export interface StartFacts {
  root: Root;
  network: ContainerNetwork;
  files: ContainerFiles;
}

/** EngineErrors in Docker's words for a user, a device or a namespace that is missing. */
export async function containerSpec(
  engine: Engine,
  container: Container,
  facts: StartFacts,
): Promise<RuntimeSpec> {
  const { record } = container;
  const { hostConfig, config } = record;
  const user = lookUpUser(engine, record, config.user);
  const [devices, blockDevices] = await Promise.all([
    gatherDevices(hostConfig.devices, { privileged: hostConfig.privileged }),
    gatherBlockDevices(blockDevicePaths(hostConfig)),
  ]);
  const { hosts, hostname, resolvConf } = facts.files;
  const initPath = findInit(engine, record);
  const spec = buildSpec({
    container: record,
    host: engine.host,
    defaults: specDefaults(engine),
    user,
    rootPath: facts.root.mount.target,
    hostname: hostnameOf(engine, record),
    mounts: facts.root.volumes.mounts,
    files: { hosts, hostname, resolvConf },
    join: joinedNamespaces(engine, record),
    cgroupsPath: cgroupsPath(engine, record),
    devices,
    blockDevices,
    linkEnv: linkEnvironment(engine, record),
    networkSysctlsDone: facts.network.namespace.kind === 'new',
    ...(facts.network.kind === 'host'
      ? {}
      : { networkNamespacePath: networkNamespacePath(engine.config.execRoot, record.id) }),
    ...(facts.root.shmPath === undefined ? {} : { shmPath: facts.root.shmPath }),
    ...(initPath === undefined ? {} : { initPath }),
  });
  return await injectDevices(spec, await deviceEdits(engine, hostConfig.deviceRequests));
}

/** What `--gpus` and `--device VENDOR/CLASS=NAME` change. */
async function deviceEdits(engine: Engine, requests: readonly unknown[]): Promise<CdiEdits[]> {
  if (requests.length === 0) return [];
  const warn = (message: string, hint: string): void => engine.log.warn({ hint }, message);
  const specs = await readCdiSpecs(engine.config.cdiSpecDirs, warn);
  return resolveDevices(specs, requests.map(parseDeviceRequest));
}

/** What the process sees as its hostname: the host's where it shares that. */
export function hostnameOf(engine: Pick<Engine, 'host'>, record: ContainerRecord): string {
  return record.hostConfig.utsMode === 'host' ? engine.host.hostname : record.config.hostname;
}

function joinedNamespaces(engine: Engine, { hostConfig }: ContainerRecord): SpecInput['join'] {
  const pid = joined(engine, hostConfig.pidMode);
  const ipc = joined(engine, hostConfig.ipcMode);
  return { ...(pid === undefined ? {} : { pid }), ...(ipc === undefined ? {} : { ipc }) };
}

function joined(engine: Engine, mode: string): JoinedContainer | undefined {
  const ref = joinedContainer(mode);
  const process = ref === undefined ? undefined : engine.containers.resolve(ref).process;
  return process === undefined ? undefined : { pid: process.pid };
}

function findInit(engine: Engine, record: ContainerRecord): string | undefined {
  if (!usesInit(record.hostConfig, engine.config.init)) return undefined;
  return engine.config.initPath;
}
