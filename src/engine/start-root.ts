/** Step 2 of a start, "create": what the root file system is made of, and where the shim will mount it. */
import { mkdir, rm } from 'node:fs/promises';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import type { RootMount } from '../runtime/runtime-types.ts';
import type { Undo } from '../util/undo.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { type PreparedMounts, prepareMounts } from './mount-sources.ts';
import { bundleFiles, containerFiles } from './paths.ts';
import { prepareSharedMemory, releaseSharedMemory } from './shared-memory.ts';
import { checkStorageOptions, layerLimit } from './storage-options.ts';
import { releaseMounted } from './volumes-mounted.ts';

export interface Root {
  mount: RootMount;
  /** The OCI bundle's directory. */
  bundle: string;
  volumes: PreparedMounts;
  shmPath: string | undefined;
}

/** Read-only layers with one read-write layer on top, the bundle, and the sources of all other mounts. */
export async function createRoot(
  engine: Engine,
  container: Container,
  undo: Undo,
): Promise<[Root, detail: string]> {
  const { id, record } = container;
  const bundle = bundleFiles(engine.config, id);
  undo.add(() => rm(bundle.directory, { recursive: true, force: true }));
  await makeDirectories(bundle.directory, containerFiles(engine.config, id).directory);
  undo.add(() => releaseMounted(engine, id));
  const volumes = await prepareMounts(engine, record.mounts, id);
  undo.add(() => volumes.close());
  undo.add(() => releaseSharedMemory(engine, record));
  const shmPath = await prepareSharedMemory(engine, record);
  await enforceLimit(engine, record);
  const mount = { ...engine.snapshots.mount(id), target: bundle.root };
  const root: Root = { mount, bundle: bundle.directory, volumes, shmPath };
  const layers = mount.lower.length;
  const others = record.mounts.length === 0 ? '' : `, ${record.mounts.length} mounts`;
  return [
    root,
    `${layers} read-only layer${layers === 1 ? '' : 's'} with a read-write layer on top${others}`,
  ];
}

/** Set anew at each start: it holds whatever has become of the file system. EngineErrors as of `checkStorageOptions`. */
async function enforceLimit(
  { config, snapshots }: Engine,
  { id, hostConfig }: Container['record'],
): Promise<void> {
  const limit = layerLimit(hostConfig.storageOpt);
  if (limit === 0) return;
  checkStorageOptions(hostConfig.storageOpt, config.dataRoot);
  await snapshots.limit(id, limit);
}

async function makeDirectories(...directories: string[]): Promise<void> {
  try {
    for (const directory of directories) await mkdir(directory, { recursive: true, mode: 0o710 });
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC') throw error;
    throw new EngineError('resource-exhausted', 'no space left on device', {
      cause: error,
      hint: 'make room on the disk of the data root',
    });
  }
}
