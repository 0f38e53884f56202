/** Opens a container's file system for the daemon: whether it runs or not, with its mounts, and without anything on the host being changed for it. */
import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../errors/engine-error.ts';
import type { ViewMount, ViewRequest } from '../../host/launcher-types.ts';
import { shimDirectory } from '../../runtime/runtime-types.ts';
import type { Container } from '../container-table.ts';
import type { Engine } from '../engine.ts';
import type { ContainerRecord, MountPoint } from '../model.ts';
import { type PreparedMounts, prepareMounts } from '../mount-sources.ts';
import { bundleFiles, containerFiles } from '../paths.ts';
import { hasProcess } from '../state.ts';

/** A start waits for what is being copied, unless that stands still for so long. */
const patienceMs = 10_000;

export interface ContainerView {
  /** Path of its root directory, to be followed once. */
  root: string;
  /** Something was copied. */
  touch(): void;
  /** Called when the container cannot wait for it any more. */
  onEnd: (error: EngineError) => void;
  close(): Promise<void>;
}

interface OpenView {
  view: ContainerView;
  touchedAt: number;
}

/** Those that are open, by container. */
const openViews = new WeakMap<Container, Set<OpenView>>();

function viewsOf(container: Container): Set<OpenView> {
  const views = openViews.get(container) ?? new Set();
  openViews.set(container, views);
  return views;
}

/** Whoever opens one closes it. EngineError `conflict` for a container that is being removed. */
export async function openContainerView(engine: Engine, container: Container): Promise<ContainerView> {
  return container.lock.run(async () => {
    if (container.removing || container.state.status === 'dead' || !engine.containers.has(container.id))
      throw new EngineError('conflict', `container ${container.id} is marked for removal`);
    if (container.process === undefined) await container.released;
    const isRunning = container.process !== undefined && hasProcess(container.state);
    const mounts = isRunning ? undefined : await prepareMounts(engine, container.record.mounts);
    try {
      const pid = await engine.launcher.openView(viewRequest(engine, container, mounts));
      return register(container, await hold(pid));
    } finally {
      await mounts?.close();
    }
  });
}

/** Two mounts of one read-write layer would not agree: before a start, what the last run's views copy comes to its end, or is broken off. */
export async function settleViews(container: Container): Promise<void> {
  for (const one of viewsOf(container)) {
    while (viewsOf(container).has(one) && Date.now() - one.touchedAt < patienceMs) await sleep(20);
    if (!viewsOf(container).has(one)) continue;
    one.view.onEnd(
      new EngineError('conflict', `container ${container.id} was started while its files were copied`, {
        hint: 'copy again',
      }),
    );
    await one.view.close();
  }
}

function register(container: Container, held: { root: string; end: FileHandle }): ContainerView {
  const view: ContainerView = {
    root: held.root,
    touch: () => {
      open.touchedAt = Date.now();
    },
    onEnd: () => undefined,
    close: async () => {
      if (viewsOf(container).delete(open)) await held.end.close();
    },
  };
  const open: OpenView = { view, touchedAt: Date.now() };
  viewsOf(container).add(open);
  return view;
}

/** The process that holds the view goes when its pipe is closed, also by this daemon's end. */
async function hold(pid: number): Promise<{ root: string; end: FileHandle }> {
  const end = await open(`/proc/${pid}/fd/4`, 'w');
  await end.write('.');
  return { root: `/proc/${pid}/fd/3`, end };
}

function viewRequest(engine: Engine, container: Container, mounts: PreparedMounts | undefined): ViewRequest {
  const { id, record, process } = container;
  const layers = engine.snapshots.mount(id);
  const shown = viewMounts(engine, record, mounts?.mounts ?? record.mounts, mounts === undefined);
  const base = { ...layers, readOnly: record.hostConfig.readonlyRootfs, mounts: shown };
  if (process === undefined) return { ...base, target: containerFiles(engine.config, id).directory };
  const { shimPid, pid } = process;
  return {
    ...base,
    target: bundleFiles(engine.config, id).root,
    running: { shimDirectory: shimDirectory(engine.config.execRoot, id), shimPid, pid },
  };
}

/** As Docker shows them: the user's mounts and the network's files, and of a running container its tmpfs too. */
function viewMounts(
  engine: Engine,
  record: ContainerRecord,
  mounts: readonly MountPoint[],
  isRunning: boolean,
): ViewMount[] {
  const files = containerFiles(engine.config, record.id);
  const places: Array<[source: string, destination: string]> = [
    [files.resolvConf, '/etc/resolv.conf'],
    [files.hostname, '/etc/hostname'],
    [files.hosts, '/etc/hosts'],
  ];
  const readOnly = record.hostConfig.readonlyRootfs;
  const own = places
    .filter(([source]) => existsSync(source))
    .map(([source, destination]) => ({ source, destination, readOnly }));
  const temporary = Object.keys(record.hostConfig.tmpfs).map((destination) => ({
    destination,
    readOnly: false,
  }));
  const all: ViewMount[] = [...mounts.map(mountOf), ...(isRunning ? temporary : []), ...own];
  const taken = all.map(({ destination }) => destination);
  return all
    .filter(({ destination }, index) => taken.indexOf(destination) === index)
    .sort((one, other) => depthOf(one) - depthOf(other));
}

/** A file system of its own, and a subpath that nobody has looked up, are mounted in the container alone. */
function mountOf({ type, source, destination, readWrite, filesystem, subpath }: MountPoint): ViewMount {
  const readOnly = !readWrite;
  const isElsewhere = type === 'tmpfs' || filesystem !== undefined || subpath !== undefined;
  return isElsewhere ? { destination, readOnly } : { source, destination, readOnly };
}

function depthOf({ destination }: ViewMount): number {
  return destination.split('/').length;
}
