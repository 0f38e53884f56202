/** Puts the engine together from its rooms, repairs what a crash left, and takes it apart again. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { favorDynamicCgroups } from '../host/dynamic-cgroups.ts';
import { readHostFacts } from '../host/facts.ts';
import { GzipHelper } from '../host/gzip-helper.ts';
import { startLauncher } from '../host/launcher.ts';
import type { Launcher } from '../host/launcher-types.ts';
import { ProjectQuotas } from '../host/project-quotas.ts';
import { createImageStore } from '../images/image-store.ts';
import type { EgressRefusal } from '../network/egress-reports.ts';
import { parseEndpoint } from '../network/endpoint-record.ts';
import { parseNetwork } from '../network/network-record.ts';
import type { NetworkSet } from '../network/network-types.ts';
import { openNetworks } from '../network/open-networks.ts';
import { LocalStorage } from '../registry/storage/local-storage.ts';
import { ShimRuntime } from '../runtime/shim-runtime.ts';
import { OverlaySnapshotter } from '../snapshots/overlay-snapshotter.ts';
import { removeTree } from '../snapshots/remove-tree.ts';
import { BlobStore } from '../store/blob-store.ts';
import { Database } from '../store/database.ts';
import { Undo } from '../util/undo.ts';
import { parseVolume } from '../volumes/volume-record.ts';
import { VolumeService } from '../volumes/volume-service.ts';
import { AbsentBridge } from './absent-bridge.ts';
import { parseContainerRecord } from './container-record.ts';
import { ContainerTable } from './container-table.ts';
import { type DaemonConfig, registryConfig } from './daemon-config.ts';
import { publishRefusal } from './egress.ts';
import type { Engine } from './engine.ts';
import { EventBus } from './events.ts';
import { ExecTable } from './exec-table.ts';
import { checkLogDefaults } from './log/drivers.ts';
import { LogKeeper } from './log/log-keeper.ts';
import { newId } from './names.ts';
import { sweepParentCgroup, sweepParentCgroupSoon } from './parent-cgroup.ts';
import { restoreContainers, settleByPolicy } from './restore.ts';
import { TreeSizes } from './sizes/tree-sizes.ts';
import { WalkThread } from './sizes/walk-thread.ts';
import { SocketTable } from './sockets.ts';
import { parseSocketRecord } from './sockets-record.ts';
import { repairUndo } from './undo.ts';
import { parseUndoEntry, UndoStore } from './undo-store.ts';

/**
 * Opens everything below the two roots of `config`, adopts the containers that run, and repairs what is half done. Restart policies are obeyed in
 * the background afterwards. EngineErrors `failed-precondition` and `data-loss` say what is wrong with the host or the disk.
 */
export async function createEngine(config: DaemonConfig, log: Logger): Promise<Engine> {
  const closers = new Undo();
  try {
    const engine = await assemble(config, log, closers);
    const repaired = await engine.images.repair();
    if (repaired.length > 0)
      log.warn(
        `${repaired.length} layers were unpacked again: the host went down before they were on the disk`,
      );
    await repairUndo(engine);
    await restoreContainers(engine);
    for (const container of engine.containers.list()) engine.logs.resume(container);
    sweepParentCgroupSoon(engine);
    settleByPolicy(engine).catch((err: unknown) => log.error({ err }, 'could not obey restart policies'));
    return engine;
  } catch (error) {
    await closers.run((err) =>
      log.warn({ err }, 'could not close all of an engine that could not be opened'),
    );
    throw error;
  }
}

/** Containers keep running: their shims hold them, and the next engine finds them again. */
export async function closeEngine(engine: Engine): Promise<void> {
  await engine.shutDown();
  sweepParentCgroup(engine);
}

async function assemble(config: DaemonConfig, log: Logger, closers: Undo): Promise<Engine> {
  checkLogDefaults(config);
  await makeRoots(config);
  const host = readHostFacts();
  const database = Database.open(join(config.dataRoot, 'gantry.db'));
  closers.add(() => database.close());
  const launcher = await startLauncher({ shimPath: config.shimPath });
  closers.add(() => launcher.close());
  const logs = new LogKeeper({
    roots: config,
    sendDatagrams: (path, messages) => launcher.sendDatagrams(path, messages),
    log,
  });
  closers.add(() => logs.close());
  if (config.favorDynamicCgroups) {
    const failure = await favorDynamicCgroups(launcher, join(config.execRoot, 'cgroup2'));
    if (failure !== undefined) log.info(`cgroups change slowly here, starts take longer: ${failure}`);
  }
  const gzip = new GzipHelper({
    launcher,
    program: join(dirname(config.shimPath), 'gantry-gzip'),
    directory: join(config.execRoot, 'gzip'),
  });
  const quotas = new ProjectQuotas(launcher, config.dataRoot);
  const walks = new WalkThread();
  closers.add(() => walks.close());
  const snapshots = new OverlaySnapshotter({
    root: join(config.dataRoot, 'overlay'),
    launcher,
    gzip,
    maxExpansion: config.maxLayerExpansion,
    quotas,
  });
  closers.add(() => snapshots.close());
  const runtime = new ShimRuntime({
    launcher,
    execRoot: config.execRoot,
    startLimitMs: config.runtimeTimeout * 1000,
    deleteLimitMs: Math.min(config.runtimeTimeout || 30, 30) * 1000,
  });
  closers.add(() => runtime.close());
  const blobs = new BlobStore(join(config.dataRoot, 'images'));
  // Open whether it is served now or not: what was pushed to it must outlive the engine's own collections.
  const registry = new LocalStorage({
    blobs,
    database,
    extraRoots: () => images.neededBlobs(),
    warn: (message) => log.warn(message),
  });
  closers.add(() => registry.close());
  const images = createImageStore({
    database,
    blobs,
    keepsBlob: (digest) => registry.keeps(digest),
    snapshots,
    gzip,
    config: {
      ...registryConfig(config),
      maxConcurrentDownloads: config.maxConcurrentDownloads,
      maxConcurrentUploads: config.maxConcurrentUploads,
      maxDownloadAttempts: config.maxDownloadAttempts,
    },
  });
  closers.add(() => images.close());
  const containers = new ContainerTable(database.collection('containers', parseContainerRecord));
  let refused: (refusal: EgressRefusal) => void = () => undefined;
  const networks = await openBridges(config, database, launcher, log, (refusal) => refused(refusal));
  closers.add(() => networks.close());
  const removeDeepTree = (path: string): Promise<void> => removeTree(launcher, path);
  /* Of the engine, once it is there: it may be given another. */
  let settings = (): DaemonConfig => config;
  const undo = new UndoStore({
    root: join(config.dataRoot, 'undo'),
    documents: database.collection('undo', parseUndoEntry),
    config: () => settings(),
    removeTree: (path) => removeTree(launcher, path, true),
    measure: (path) => walks.measure(path),
    log,
  });
  closers.add(() => undo.close());
  const closing = new AbortController();
  closers.add(() => {
    closing.abort();
    for (const container of containers.list()) {
      clearTimeout(container.restartTimer);
      container.healthMonitor?.abort();
    }
  });
  const engine: Engine = {
    config,
    database,
    launcher,
    runtime,
    images,
    registry,
    snapshots,
    bridge: networks.defaultBridge ?? new AbsentBridge(),
    networks,
    volumes: await VolumeService.open(
      join(config.dataRoot, 'volumes'),
      database.collection('volumes', parseVolume),
      removeDeepTree,
      quotas,
    ),
    sizes: { trees: new TreeSizes({ measure: (path) => walks.measure(path) }), quotas },
    undo,
    events: new EventBus(),
    containers,
    execs: new ExecTable(),
    sockets: new SocketTable(
      database.collection('scoped_sockets', parseSocketRecord),
      join(config.execRoot, 'sockets'),
    ),
    logs,
    host,
    log,
    id: identityOf(database),
    closing: closing.signal,
    shutDown: () => closers.run((err) => log.warn({ err }, 'could not close all of the engine')),
  };
  settings = () => engine.config;
  refused = (refusal) => publishRefusal(engine, refusal);
  return engine;
}

async function makeRoots({ dataRoot, execRoot }: DaemonConfig): Promise<void> {
  for (const root of [dataRoot, execRoot]) {
    try {
      await mkdir(root, { recursive: true, mode: 0o711 });
    } catch (error) {
      const readOnly = errnoOf(error) === 'EACCES' || errnoOf(error) === 'EROFS';
      throw new EngineError('failed-precondition', `cannot make ${root}: ${messageOf(error)}`, {
        cause: error,
        hint: readOnly ? 'start the daemon as root, or choose other roots' : 'choose other roots',
      });
    }
  }
}

function openBridges(
  config: DaemonConfig,
  database: Database,
  launcher: Launcher,
  log: Logger,
  refused: (refusal: EgressRefusal) => void,
): Promise<NetworkSet> {
  const hasDefaultBridge = config.bridge !== 'none';
  return openNetworks({
    launcher,
    endpoints: database.collection('endpoints', parseEndpoint),
    networks: database.collection('networks', parseNetwork),
    hasDefaultBridge,
    ...(config.firewallBackend === '' ? {} : { firewallBackend: config.firewallBackend }),
    refused,
    warn: (message, hint) => log.warn(`${message}. ${hint}`),
    config: {
      name: config.bridge,
      nftTable: config.nftTable,
      ipv6: config.ipv6,
      icc: config.icc,
      defaultAddress: config.defaultAddress,
      ...(config.addressPools.length === 0 ? {} : { pools: config.addressPools }),
      ...(config.mtu === 0 ? {} : { mtu: config.mtu }),
      ...(config.bip === undefined ? {} : { bip: config.bip }),
      ...(config.fixedCidr === undefined ? {} : { fixedCidr: config.fixedCidr }),
      ...(config.fixedCidr6 === undefined ? {} : { fixedCidrV6: config.fixedCidr6 }),
    },
  });
}

/** The data root's own ID, made when it is first used. */
function identityOf(database: Database): string {
  const identities = database.collection('identity', (value) => String(value));
  const known = identities.get('engine');
  if (known !== undefined) return known;
  const id = newId();
  identities.put('engine', id);
  return id;
}
