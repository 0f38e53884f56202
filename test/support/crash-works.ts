/** What is done with volumes while the program is killed, on the real rooms that do it: directories, database, undo. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { parseContainerRecord } from '../../src/engine/container-record.ts';
import { ContainerTable } from '../../src/engine/container-table.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { EventBus } from '../../src/engine/events.ts';
import { repairUndo, restoreRemoved } from '../../src/engine/undo.ts';
import { parseUndoEntry, UndoStore } from '../../src/engine/undo-store.ts';
import { createVolume, pruneVolumes, removeVolume } from '../../src/engine/volumes.ts';
import { mountVolume, releaseMounted, sweepMounted } from '../../src/engine/volumes-mounted.ts';
import { renameVolume } from '../../src/engine/volumes-transfer.ts';
import { startLauncher } from '../../src/host/launcher.ts';
import type { Launcher } from '../../src/host/launcher-types.ts';
import { Database } from '../../src/store/database.ts';
import type { Collection } from '../../src/util/collection.ts';
import { parseVolume } from '../../src/volumes/volume-record.ts';
import { VolumeService } from '../../src/volumes/volume-service.ts';

type Parts = Pick<Engine, 'volumes' | 'undo' | 'containers' | 'events' | 'log' | 'sizes'> & {
  launcher: Pick<Launcher, 'run'>;
};

export interface CrashEngine {
  parts: Parts;
  /** From now on `hook` is called before each write to the database, and each program. */
  onWrite(hook: () => void): void;
  close(): Promise<void>;
}

/** Opens what is in `directory` as the daemon does at its start, with all repairs. `isKeeping`: removals can be undone. */
export async function openCrashEngine(directory: string): Promise<CrashEngine> {
  let hook = (): void => undefined;
  const watched = <T>(collection: Collection<T>): Collection<T> => ({
    get: (key) => collection.get(key),
    entries: () => collection.entries(),
    put: (key, value) => {
      hook();
      collection.put(key, value);
    },
    delete: (key) => {
      hook();
      return collection.delete(key);
    },
  });
  mkdirSync(directory, { recursive: true });
  const database = Database.open(join(directory, 'db.sqlite'));
  const removeTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true });
  const undo = new UndoStore({
    root: join(directory, 'undo'),
    documents: watched(database.collection('undo', parseUndoEntry)),
    config: () => ({ undoRetention: directory.endsWith('-keeping') ? 3600_000 : 0, undoBudget: 1 << 30 }),
    removeTree,
    measure: async () => 1,
    log: pino({ level: 'silent' }),
  });
  const launcher = await startLauncher();
  const parts: Parts = {
    launcher: {
      run: async (request) => {
        hook();
        return await launcher.run(request);
      },
    },
    volumes: await VolumeService.open(
      join(directory, 'volumes'),
      watched(database.collection('volumes', parseVolume)),
      removeTree,
    ),
    undo,
    containers: new ContainerTable(database.collection('containers', parseContainerRecord)),
    events: new EventBus(),
    log: pino({ level: 'silent' }),
    sizes: {
      trees: { size: async () => 1, touch: () => undefined },
      quotas: { uses: async (places) => places.map(() => undefined) },
    },
  };
  await repairUndo(parts as Engine);
  await sweepMounted(parts);
  return {
    parts,
    onWrite: (given) => {
      hook = given;
    },
    close: async () => {
      await undo.close();
      await launcher.close();
      database.close();
    },
  };
}

/** A volume with one file that says whose it is. */
export async function makeVolume({ parts }: CrashEngine, name: string): Promise<void> {
  const volume = await createVolume(parts, { name, driver: 'local', driverOpts: {}, labels: { of: name } });
  writeFileSync(join(volume.mountpoint, 'file'), name);
}

const memory = {
  name: 'made',
  driver: 'local',
  driverOpts: { type: 'tmpfs', device: 'tmpfs' },
  labels: { of: 'made' },
};

/** By name: each does what a user asks for, on volumes named `one`, `two` and `three` that are there. */
export const works: Readonly<Record<string, (engine: CrashEngine) => Promise<unknown>>> = {
  create: ({ parts }) =>
    createVolume(parts, { name: 'made', driver: 'local', driverOpts: {}, labels: { of: 'made' } }),
  fill: ({ parts }) =>
    parts.volumes.createFilled(
      { name: 'made', driver: 'local', driverOpts: {}, labels: { of: 'made' } },
      async (place) => writeFileSync(join(place, 'file'), 'made'),
    ),
  rename: async ({ parts }) => renameVolume(parts as Engine, 'one', 'made'),
  remove: ({ parts }) => removeVolume(parts, 'one', { force: false }),
  prune: ({ parts }) => pruneVolumes(parts, new Map([['all', ['true']]])),
  mount: async ({ parts }) => {
    const { name } = await createVolume(parts, memory);
    const place = await mountVolume(parts, name, 'user');
    writeFileSync(join(place, 'file'), 'in memory');
    await releaseMounted(parts, 'user');
  },
  restore: ({ parts }) => restoreRemoved(parts as Engine, 'gone'),
};
