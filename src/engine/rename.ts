/** Another name for a container. */
import { EngineError } from '../errors/engine-error.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { checkContainerName } from './names.ts';
import { renameOnNetworks } from './networks-naming.ts';

/** Durable when it resolves. EngineError `invalid-argument` for a bad name, `conflict` for one that is taken. */
export async function renameContainer(engine: Engine, ref: string, newName: string): Promise<void> {
  const { containers } = engine;
  const container = containers.resolve(ref);
  const name = newName.replace(/^\//, '');
  if (name === '') throw new EngineError('invalid-argument', 'Neither old nor new names may be empty');
  checkContainerName(name);
  await container.lock.run(() => {
    const oldName = container.name;
    if (name === oldName) {
      throw new EngineError(
        'invalid-argument',
        'Renaming a container with the same name as its current name',
      );
    }
    if (!containers.has(container.id)) containers.resolve(container.id);
    containers.reserveName(name, container.id);
    try {
      containers.update(container, { name });
      renameOnNetworks(engine, container);
    } catch (error) {
      containers.releaseName(name, container.id);
      throw error;
    }
    publishContainerEvent(engine.events, container.record, 'rename', { oldName: `/${oldName}` });
  });
}
