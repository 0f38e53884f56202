/** Volumes that are file systems of their own: mounted on the host from the first container that has one to the last, as Docker does. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import { KeyedMutex } from '../util/mutex.ts';
import { checkDirectory, isMounted } from '../volumes/volume-files.ts';
import { volumeBacking } from '../volumes/volume-options.ts';
import type { VolumeService } from '../volumes/volume-service.ts';
import type { Volume, VolumeFilesystem } from '../volumes/volume-types.ts';
import type { Engine } from './engine.ts';
import { hasProcess } from './state.ts';

export type MountedEngine = Pick<Engine, 'volumes' | 'containers'> & {
  readonly launcher: Pick<Engine['launcher'], 'run'>;
};

/** Milliseconds for a server that may be far away. */
const patience = 60_000;
/** Who is about to use a volume, or looks into it: beside the containers that run. Of this daemon's life only. */
const holdersOf = new WeakMap<VolumeService, Map<string, Set<string>>>();
const turns = new KeyedMutex();

function holders(engine: MountedEngine, name: string): Set<string> {
  const all = holdersOf.get(engine.volumes) ?? new Map<string, Set<string>>();
  holdersOf.set(engine.volumes, all);
  const found = all.get(name) ?? new Set();
  all.set(name, found);
  return found;
}

/**
 * Mounts the file system that a volume is, where that isn't done, and returns the place. `holder` keeps it there until `releaseMounted`. EngineErrors:
 * `failed-precondition` where it can't be mounted, `not-found` for a volume that is gone.
 */
export async function mountVolume(engine: MountedEngine, name: string, holder: string): Promise<string> {
  const volume = engine.volumes.get(name);
  const backing = volumeBacking(volume.options);
  if (backing.kind !== 'filesystem') return volume.mountpoint;
  return turns.run(name, async () => {
    holders(engine, name).add(holder);
    try {
      if (!isMounted(volume.mountpoint)) await mountFilesystem(engine, volume, backing.filesystem);
    } catch (error) {
      await letGo(engine, name, holder);
      throw error;
    }
    return volume.mountpoint;
  });
}

/** Takes away what `holder` alone kept mounted. A container's is called once its run is recorded as ended. */
export async function releaseMounted(engine: MountedEngine, holder: string): Promise<void> {
  const names = [...(holdersOf.get(engine.volumes) ?? [])].filter(([, one]) => one.has(holder));
  for (const [name] of names) await turns.run(name, () => letGo(engine, name, holder));
  const container = engine.containers.find(holder);
  for (const mount of container?.record.mounts ?? []) {
    const { name, filesystem } = mount;
    if (name !== undefined && filesystem !== undefined)
      await turns.run(name, () => letGo(engine, name, holder));
  }
}

/** At the start of the daemon, once it is known which containers run: what others left mounted. */
export async function sweepMounted(engine: MountedEngine): Promise<void> {
  for (const { name, options } of engine.volumes.list()) {
    if (volumeBacking(options).kind === 'filesystem') await turns.run(name, () => letGo(engine, name));
  }
}

async function letGo(engine: MountedEngine, name: string, holder = ''): Promise<void> {
  holders(engine, name).delete(holder);
  if (holders(engine, name).size > 0 || runsWith(engine, name)) return;
  holdersOf.get(engine.volumes)?.delete(name);
  const mountpoint = engine.volumes.find(name)?.mountpoint;
  while (mountpoint !== undefined && isMounted(mountpoint)) {
    const { exitCode } = await engine.launcher.run({
      argv: ['umount', '-l', mountpoint],
      timeoutMs: patience,
    });
    if (exitCode !== 0) return;
  }
}

function runsWith({ containers }: MountedEngine, name: string): boolean {
  return containers
    .list()
    .some(({ state, record }) => hasProcess(state) && record.mounts.some((mount) => mount.name === name));
}

async function mountFilesystem(
  engine: MountedEngine,
  volume: Volume,
  { type, device, options }: VolumeFilesystem,
): Promise<void> {
  checkDirectory(volume.mountpoint, volume.name);
  const flags = await Promise.all(options.map((option) => withAddress(type, option, volume.mountpoint)));
  const list = flags.length === 0 ? [] : ['-o', flags.join(',')];
  const argv = ['mount', '--no-canonicalize', '-t', type, ...list, '--', device, volume.mountpoint];
  const { exitCode, stderr } = await engine.launcher.run({ argv, timeoutMs: patience });
  if (exitCode === 0) return;
  const why = withoutSecrets(stderr.toString().trim().split('\n')[0] ?? '', options);
  throw new EngineError(
    'failed-precondition',
    `error while mounting volume '${volume.mountpoint}': failed to mount local volume: ${why}`,
    { hint: `check the options of the volume ${volume.name}: type, device and o` },
  );
}

/** What programs repeat of the options, without passwords. */
export function withoutSecrets(text: string, options: readonly string[]): string {
  const secrets = options.flatMap(
    (option) => /^(?:pass|password|password2|secret)=(.+)$/.exec(option)?.[1] ?? [],
  );
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '********'), text);
}

/** The kernel takes an address where people give a server's name. */
async function withAddress(type: string, option: string, mountpoint: string): Promise<string> {
  const server = /^addr=(.+)$/.exec(option)?.[1];
  if (server === undefined || !/^(nfs4?|cifs)$/.test(type) || isIP(server) !== 0) return option;
  try {
    return `addr=${(await lookup(server)).address}`;
  } catch (error) {
    throw new EngineError(
      'failed-precondition',
      `error while mounting volume '${mountpoint}': error resolving passed in network volume address: ${server}`,
      {
        cause: error,
        hint: 'give the address of the server, or a name that this host can resolve',
      },
    );
  }
}
