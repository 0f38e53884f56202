/** Takes away what belongs to no container: whatever a crash left on the disk. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { shimDirectory } from '../runtime/runtime-types.ts';
import type { Engine } from './engine.ts';
import { ownerOfSnapshot } from './image-mounts.ts';
import { bundlesRoot, containersRoot, sharedMemoryRoot } from './paths.ts';
import { knownRuntimes, runtimeProgram } from './runtimes.ts';
import { removeSharedMemory } from './shared-memory.ts';
import { sweepSubpaths } from './subpath.ts';
import { sweepVolumes } from './volumes.ts';
import { sweepMounted } from './volumes-mounted.ts';

/** `live` are the containers that run. Needs nobody else at work on containers. */
export async function sweepLeftovers(engine: Engine, live: ReadonlySet<string>): Promise<void> {
  const { containers, snapshots, runtime, config } = engine;
  const known = (id: string): boolean => containers.has(id);
  const runs = (id: string): boolean => live.has(id);
  const removeTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true });
  for (const id of snapshots.containers()) if (!known(ownerOfSnapshot(id))) await snapshots.remove(id);
  await sweep(containersRoot(config), known, (_, path) => removeTree(path));
  await sweep(bundlesRoot(config), runs, async (id, path) => {
    if (!known(id)) await destroyStranger(engine, id);
    await removeTree(path);
  });
  await sweepMounted(engine);
  await sweepVolumes(engine);
  await sweepSubpaths(engine);
  await sweep(sharedMemoryRoot(config), runs, (_, path) => removeSharedMemory(engine, path));
  /* Those of execs too, where they don't run: their exit codes are known by now. A shim without a directory goes on to its process's end. */
  const held = (id: string): boolean => runs(id) || engine.execs.get(id)?.process !== undefined;
  await sweep(shimDirectory(config.execRoot, ''), held, (id) => runtime.forget(id));
}

/** A container that was forgotten before its shim had given everything back, and then the shim was killed. Its runtime isn't known any more. */
async function destroyStranger({ runtime, config, host, log }: Engine, id: string): Promise<void> {
  const programs = [...knownRuntimes(config, host).keys()].map((name) => runtimeProgram(config, host, name));
  for (const program of new Map(programs.map((one) => [one.path, one])).values()) {
    await runtime
      .destroy(id, program)
      .catch((err: unknown) => log.debug({ err, container: id }, `${program.path} knows nothing of it`));
  }
}

async function sweep(
  root: string,
  keep: (name: string) => boolean,
  remove: (name: string, path: string) => Promise<void>,
): Promise<void> {
  const names = await readdir(root).catch(() => []);
  for (const name of names) if (!keep(name)) await remove(name, join(root, name));
}
