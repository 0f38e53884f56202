/** Images for users: what comes, goes and is renamed is told, and who uses them is known from the containers. */
import type { Readable } from 'node:stream';
import type { Image, Progress, PullRequest, PushRequest, RemovedImage } from '../images/image-types.ts';
import { familiarName, familiarReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { Engine } from './engine.ts';
import { hasProcess } from './state.ts';

type ImageEngine = Pick<Engine, 'images' | 'containers' | 'events'>;

/** Pulls, tells, and answers the image. EngineErrors as from `ImageService.pull`. */
export async function pullImage(engine: ImageEngine, request: PullRequest): Promise<Image> {
  const image = await engine.images.pull(request);
  const reference = withDefaultTag(parseReference(request.reference));
  publishImageEvent(engine, 'pull', familiarReference(reference), familiarName(reference), labelsOf(image));
  return image;
}

/** Pulls all tags of a repository, and tells once, of the repository. */
export async function pullAllTags(engine: ImageEngine, request: PullRequest): Promise<Image[]> {
  const images = await engine.images.pullAll(request);
  const name = familiarName(parseReference(request.reference));
  publishImageEvent(engine, 'pull', name, name);
  return images;
}

/** Pushes one tag or all of a repository, and tells. EngineErrors as from `ImageService.push`. */
export async function pushImage(engine: ImageEngine, request: PushRequest): Promise<void> {
  await engine.images.push(request);
  const parsed = parseReference(request.reference);
  const reference = request.allTags ? parsed : withDefaultTag(parsed);
  const image = request.allTags ? undefined : engine.images.find(request.reference);
  const labels = image === undefined ? {} : labelsOf(image);
  publishImageEvent(engine, 'push', familiarReference(reference), familiarName(reference), labels);
}

export async function loadImage(
  engine: ImageEngine,
  archive: Readable,
  progress: Progress,
  signal?: AbortSignal,
  options: { platform?: string } = {},
): Promise<Image[]> {
  const images = await engine.images.load(archive, progress, signal, options);
  for (const image of images) publishImageEvent(engine, 'load', image.id, image.id, labelsOf(image));
  return images;
}

export async function importImage(
  engine: ImageEngine,
  tar: Readable,
  options: { reference?: string; message?: string; changes: readonly string[]; platform?: string },
  signal?: AbortSignal,
): Promise<Image> {
  const image = await engine.images.import(tar, options, signal);
  publishImageEvent(engine, 'import', image.id, image.id, labelsOf(image));
  if (options.reference !== undefined) publishTag(engine, image, options.reference);
  return image;
}

/** EngineErrors: `not-found` for the source, `invalid-argument` for a bad target. */
export function tagImage(engine: ImageEngine, source: string, target: string): void {
  const image = engine.images.get(source);
  engine.images.tag(source, target);
  publishTag(engine, image, target);
}

/** Tells that an image has another name. */
export function publishTag(engine: ImageEngine, image: Image, target: string): void {
  const name = familiarReference(withDefaultTag(parseReference(target)));
  publishImageEvent(engine, 'tag', image.id, name, labelsOf(image));
}

/** EngineErrors: `not-found`, `conflict` in Docker's words while a container needs it. */
export async function removeImage(
  engine: ImageEngine,
  nameOrId: string,
  options: { force: boolean; prune: boolean },
): Promise<RemovedImage[]> {
  const image = engine.images.get(nameOrId);
  const lineage = lineageOf(engine, image);
  const removed = await engine.images.remove(nameOrId, {
    ...options,
    usedBy: (imageId) => imageUser(engine, imageId),
  });
  for (const { untagged, deleted } of removed) {
    if (untagged !== undefined) publishImageEvent(engine, 'untag', image.id, image.id);
    /* Layers are told of too; only images are news. */
    if (deleted !== undefined && lineage.has(deleted)) publishImageEvent(engine, 'delete', deleted, deleted);
  }
  return removed;
}

/** IDs of an image and of those that it was made from: a removal may reach them all. */
function lineageOf(engine: Pick<Engine, 'images'>, image: Image): Set<string> {
  const ids = new Set([image.id]);
  for (let next = image.parentId; next !== undefined && !ids.has(next); ) {
    ids.add(next);
    next = engine.images.find(next)?.parentId;
  }
  return ids;
}

/** A container that was made of an image: a running one, where there is one. */
export function imageUser(
  engine: Pick<Engine, 'containers'>,
  imageId: string,
): { id: string; running: boolean } | undefined {
  let found: { id: string; running: boolean } | undefined;
  for (const { id, record } of engine.containers.list()) {
    if (record.imageId !== imageId) continue;
    if (hasProcess(record.state)) return { id, running: true };
    found ??= { id, running: false };
  }
  return found;
}

function publishImageEvent(
  engine: Pick<Engine, 'events'>,
  action: 'delete' | 'import' | 'load' | 'pull' | 'push' | 'tag' | 'untag',
  actorId: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): void {
  engine.events.publish({ type: 'image', action, actorId, attributes: { ...labels, name } });
}

function labelsOf(image: Image): Readonly<Record<string, string>> {
  return image.config.config?.Labels ?? {};
}
