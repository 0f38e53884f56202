/** All that is known of one container. */
import type { Container } from './container-table.ts';
import type { ContainerDetails, NetworkSettingsView, StateView } from './container-views.ts';
import { endpointViews, portBindingsOf } from './endpoint-view.ts';
import type { Engine } from './engine.ts';
import { shownLinks } from './links.ts';
import { containerSizes } from './list.ts';
import type { ContainerState } from './model.ts';
import { bundleFiles, containerFiles } from './paths.ts';
import { errorOf, exitCodeOf, hasProcess, isActive } from './state.ts';

/** EngineError `not-found`. `size` measures the read-write layer, which takes a walk through it. */
export async function inspectContainer(
  engine: Engine,
  ref: string,
  options: { size: boolean },
): Promise<ContainerDetails> {
  const container = engine.containers.resolve(ref);
  const { record } = container;
  const files = containerFiles(engine.config, record.id);
  const named = record.hostConfig.logConfig.type;
  const hasLog = named === '' || named === 'json-file' || named === 'local';
  return {
    id: record.id,
    createdAt: record.createdAt,
    path: record.path,
    args: record.args,
    state: { ...viewState(record.state), ...(record.health === undefined ? {} : { health: record.health }) },
    imageId: record.imageId,
    resolvConfPath: files.resolvConf,
    hostnamePath: files.hostname,
    hostsPath: files.hosts,
    logPath: hasLog ? files.log : '',
    name: `/${record.name}`,
    restartCount: record.restartCount,
    driver: 'overlay2',
    platform: record.platform.split('/', 1)[0] ?? record.platform,
    mountLabel: '',
    processLabel: '',
    appArmorProfile: appArmorProfile(engine, container),
    execIds: execIdsOf(engine, container),
    hostConfig: { ...record.hostConfig, links: shownLinks(engine, record) },
    graphDriver: graphDriver(engine, record.id),
    mounts: record.mounts,
    config: record.config,
    networkSettings: networkSettings(engine, container),
    ...(options.size ? await containerSizes(engine, record) : {}),
  };
}

/** Docker's fields of a state. */
export function viewState(state: ContainerState): StateView {
  const startedAt = 'startedAt' in state ? state.startedAt : undefined;
  const finishedAt = 'finishedAt' in state ? state.finishedAt : undefined;
  return {
    status: state.status,
    running: isActive(state),
    paused: state.status === 'paused',
    restarting: state.status === 'restarting',
    oomKilled: 'oomKilled' in state && state.oomKilled,
    dead: state.status === 'dead',
    pid: hasProcess(state) ? state.pid : 0,
    exitCode: exitCodeOf(state),
    error: errorOf(state),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** The one that was asked for, or the one that this host gives. */
function appArmorProfile(engine: Engine, { record: { hostConfig } }: Container): string {
  const asked = hostConfig.securityOpt
    .map((option) => /^apparmor[=:](.*)$/.exec(option)?.[1])
    .find((profile) => profile !== undefined);
  if (asked !== undefined) return asked;
  const { apparmor, apparmorProfiles } = engine.host.security;
  if (!apparmor) return '';
  if (hostConfig.privileged) return 'unconfined';
  return apparmorProfiles.has('docker-default') ? 'docker-default' : '';
}

function execIdsOf(engine: Engine, container: Container): string[] | null {
  const ids = [...container.execIds].filter((id) => {
    const exec = engine.execs.get(id);
    return exec !== undefined && (exec.record.running || !exec.used);
  });
  return ids.length === 0 ? null : ids;
}

/** The directories of the overlay, under Docker's names for them. */
function graphDriver(engine: Engine, id: string): ContainerDetails['graphDriver'] {
  const name = 'overlay2';
  if (!engine.snapshots.containers().includes(id)) return { name, data: null };
  const { lower, upper, work } = engine.snapshots.mount(id);
  const data = {
    ID: id,
    LowerDir: lower.join(':'),
    MergedDir: bundleFiles(engine.config, id).root,
    UpperDir: upper,
    WorkDir: work,
  };
  return { name, data };
}

function networkSettings(engine: Engine, container: Container): NetworkSettingsView {
  const { record } = container;
  const shimPid = container.process?.shimPid;
  const running = shimPid !== undefined;
  return {
    sandboxId: running ? record.id : '',
    sandboxKey: running ? `/proc/${shimPid}/ns/net` : '',
    ports: portBindingsOf(engine, record),
    networks: endpointViews(engine, record),
  };
}
