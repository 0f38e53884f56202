/** Images in one archive: `docker save`. */
import type { Readable } from 'node:stream';
import type { Engine } from './engine.ts';

/** Tells of each image that is saved. EngineErrors as from `ImageService.save`. */
export async function exportImages(
  engine: Pick<Engine, 'images' | 'events'>,
  names: readonly string[],
  options: { platform?: string },
  signal?: AbortSignal,
): Promise<Readable> {
  const archive = await engine.images.save(names, options, signal);
  const ids = new Set(names.flatMap((name) => engine.images.find(name)?.id ?? []));
  for (const id of ids)
    engine.events.publish({ type: 'image', action: 'save', actorId: id, attributes: { name: id } });
  return archive;
}
