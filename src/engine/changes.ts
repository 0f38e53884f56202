/** What a container changed in its file system: `docker diff`. */
import { runtimeMountPoints } from './changes-mount-points.ts';
import type { Engine } from './engine.ts';

export interface ContainerChange {
  /** Absolute. */
  path: string;
  kind: 'modified' | 'added' | 'deleted';
}

/** Ordered by path. EngineError `not-found`. */
export async function containerChanges(
  engine: Pick<Engine, 'containers' | 'snapshots'>,
  ref: string,
): Promise<ContainerChange[]> {
  const { id } = engine.containers.resolve(ref);
  const changes = await engine.snapshots.changes(id, runtimeMountPoints);
  return changes.map(({ path, kind }) => ({ path: `/${Buffer.from(path, 'latin1').toString()}`, kind }));
}
