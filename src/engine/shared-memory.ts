/** /dev/shm of containers that share it: a tmpfs on the host, as long as its owner runs. */
import { mkdir, rm } from 'node:fs/promises';
import { EngineError } from '../errors/engine-error.ts';
import type { Engine } from './engine.ts';
import type { ContainerRecord } from './model.ts';
import { sharedMemoryPath } from './paths.ts';
import { joinedContainer } from './spec/modes.ts';

type Owner = Pick<ContainerRecord, 'id' | 'hostConfig'>;

/** Path on the host of what is bound at /dev/shm; undefined where the container gets a tmpfs of its own. Makes it for `shareable`. */
export async function prepareSharedMemory(engine: Engine, record: Owner): Promise<string | undefined> {
  const { ipcMode, shmSize } = record.hostConfig;
  const joined = joinedContainer(ipcMode);
  if (joined !== undefined) return shmOfJoined(engine, joined);
  if (ipcMode !== 'shareable') return undefined;
  const path = sharedMemoryPath(engine.config, record.id);
  await unmount(engine, path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const options = `mode=1777,nosuid,nodev,noexec,size=${shmSize || engine.config.defaultShmSize}`;
  const argv = ['mount', '-t', 'tmpfs', '-o', options, 'shm', path];
  const { exitCode, stderr } = await engine.launcher.run({ argv });
  if (exitCode === 0) return path;
  throw new EngineError('internal', `could not mount shared memory at ${path}: ${stderr.toString().trim()}`);
}

function shmOfJoined(engine: Engine, ref: string): string | undefined {
  const owner = engine.containers.resolve(ref);
  const mode = owner.record.hostConfig.ipcMode;
  if (mode === 'host') return '/dev/shm';
  if (mode === 'shareable') return sharedMemoryPath(engine.config, owner.id);
  throw new EngineError(
    'invalid-argument',
    `cannot join IPC of a container ${owner.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

/** Takes away what `prepareSharedMemory` made. Idempotent. */
export async function releaseSharedMemory(engine: Engine, record: Owner): Promise<void> {
  if (record.hostConfig.ipcMode !== 'shareable') return;
  await removeSharedMemory(engine, sharedMemoryPath(engine.config, record.id));
}

/** Unmounts and removes one directory of shared memory. Idempotent. */
export async function removeSharedMemory(engine: Engine, path: string): Promise<void> {
  await unmount(engine, path);
  await rm(path, { recursive: true, force: true });
}

/** Lazily: containers that joined hold their own view of it. What isn't mounted is left as it is. */
async function unmount(engine: Engine, path: string): Promise<void> {
  await engine.launcher.run({ argv: ['umount', '-l', path] });
}
