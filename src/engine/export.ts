/** A container's whole file system as one tar: `docker export`. */
import type { Readable } from 'node:stream';
import { finished } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import { runtimeMountPoints } from './changes-mount-points.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';

type ExportEngine = Pick<Engine, 'containers' | 'snapshots' | 'events'>;

/** Of one that runs or not. Volumes are no part of it. EngineErrors: `not-found`, `conflict` for one that is being removed. */
export function exportContainer(engine: ExportEngine, ref: string): Readable {
  const container = engine.containers.resolve(ref);
  checkKept(container, 'export');
  const { tar } = engine.snapshots.archive(container.id, 'merged', runtimeMountPoints);
  finished(tar, (error) => {
    if (error === undefined || error === null)
      publishContainerEvent(engine.events, container.record, 'export');
  });
  return tar;
}

/** EngineError `conflict` in Docker's words for a container that is on its way out. */
export function checkKept(container: Container, verb: 'export' | 'commit'): void {
  const { id, state } = container;
  if (state.status === 'dead')
    throw new EngineError('conflict', `You cannot ${verb} container ${id} which is Dead`);
  if (state.status === 'removing' || container.removing)
    throw new EngineError('conflict', `You cannot ${verb} container ${id} which is being removed`);
}
