/** Images that are mounted into containers (`--mount type=image`): their layers are kept as long as the container is there, and mounted read-only. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import type { Engine } from './engine.ts';
import type { MountPoint } from './model.ts';
import { placesRoot, type SubpathEngine, unmountSubpath } from './subpath.ts';

type ImageEngine = Pick<Engine, 'images' | 'snapshots'>;

/** The name under which a container keeps the layers of an image that it mounts. Containers' IDs have no dots. */
function keeperOf(containerId: string, index: number): string {
  return `${containerId}.image${index}`;
}

/** The container that a read-write layer, or a keeper of layers, belongs to. */
export function ownerOfSnapshot(id: string): string {
  return id.split('.', 1)[0] ?? id;
}

/** Keeps the layers of all images that `mounts` name, and returns the mounts with the keepers' names. EngineError `not-found`. */
export async function keepImages(
  { images, snapshots }: ImageEngine,
  containerId: string,
  mounts: readonly MountPoint[],
): Promise<MountPoint[]> {
  const kept: MountPoint[] = [];
  for (const [index, mount] of mounts.entries()) {
    if (mount.type !== 'image') {
      kept.push(mount);
      continue;
    }
    const layers = keeperOf(containerId, index);
    await snapshots.create(layers, images.get(mount.imageId ?? mount.source).chainIds);
    kept.push({ ...mount, layers });
  }
  return kept;
}

/** Idempotent. */
export async function dropImages(
  { snapshots }: Pick<Engine, 'snapshots'>,
  containerId: string,
): Promise<void> {
  for (const id of snapshots.containers())
    if (id !== containerId && ownerOfSnapshot(id) === containerId) await snapshots.remove(id);
}

/** Mounts an image's layers somewhere below the exec root and returns the place; `unmountSubpath` takes it away. */
export async function mountImage(
  engine: SubpathEngine & { readonly snapshots: Pick<Engine['snapshots'], 'mount'> },
  { layers = '', source }: MountPoint,
): Promise<string> {
  const { lower } = engine.snapshots.mount(layers);
  const place = join(placesRoot(engine), randomBytes(16).toString('hex'));
  await mkdir(place, { recursive: true, mode: 0o700 });
  const { exitCode, stderr } = await engine.launcher.run(mountCommand(lower, place));
  if (exitCode === 0) return place;
  await unmountSubpath(engine, place);
  throw new EngineError('internal', `could not mount image ${source}: ${stderr.toString().trim()}`);
}

/** Names are relative, since mount(2) takes no more than a page of options. The overlay wants two layers at least. */
function mountCommand(lower: readonly string[], place: string): { argv: string[]; cwd?: string } {
  const [top] = lower;
  if (top === undefined) return { argv: ['mount', '-t', 'tmpfs', '-o', 'ro,size=4k', 'none', place] };
  if (lower.length === 1) return { argv: ['mount', '--bind', '-o', 'ro', top, place] };
  const cwd = dirname(dirname(top));
  const names = lower.map((path) => relative(cwd, path)).join(':');
  return { argv: ['mount', '-t', 'overlay', '-o', `ro,lowerdir=${names}`, 'overlay', place], cwd };
}
