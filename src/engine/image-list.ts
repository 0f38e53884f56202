/** Images as `images` lists them, and the removal of those that nothing needs. */
import { isEngineError } from '../errors/engine-error.ts';
import type { Image, RemovedImage } from '../images/image-types.ts';
import { parseReference } from '../oci/reference.ts';
import type { Engine } from './engine.ts';
import {
  booleanFilter,
  type Filters,
  filterValues,
  matchesLabelFilters,
  validateFilters,
} from './filters.ts';
import { imageUser, removeImage } from './images.ts';
import { parseTimeBound } from './time-bound.ts';

export interface ImageRow {
  image: Image;
  /** Bytes that other images have in common with it; -1 where that wasn't asked for. */
  sharedSize: number;
  /** How many containers were made of it. */
  containers: number;
}

type ListEngine = Pick<Engine, 'images' | 'containers' | 'snapshots'>;

const listFilters = new Set(['before', 'dangling', 'label', 'reference', 'since', 'until']);
const pruneFilters = new Set(['dangling', 'label', 'label!', 'until']);

/** Newest first. EngineErrors: `invalid-argument` for unknown filters, `not-found` for an image of `before` or `since`. */
export function listImages(
  engine: ListEngine,
  question: { filters: Filters; sharedSize: boolean },
): ImageRow[] {
  const { filters } = question;
  validateFilters(filters, listFilters);
  const wanted = imageFilter(engine, filters);
  const all = engine.images.list();
  const sharedSizeOf = question.sharedSize ? sharedSizes(engine, all) : () => -1;
  const users = containerCounts(engine);
  return all
    .filter(wanted)
    .sort((one, other) => createdAt(other) - createdAt(one))
    .map((image) => ({
      image: withMatchingNames(image, filterValues(filters, 'reference')),
      sharedSize: sharedSizeOf(image),
      containers: users.get(image.id) ?? 0,
    }));
}

function imageFilter(engine: ListEngine, filters: Filters): (image: Image) => boolean {
  const dangling = filters.has('dangling') ? booleanFilter(filters, 'dangling', false) : undefined;
  const ages = filterValues(filters, 'before').map((name) => createdAt(engine.images.get(name)));
  const youths = filterValues(filters, 'since').map((name) => createdAt(engine.images.get(name)));
  const references = filterValues(filters, 'reference');
  const isOldEnough = untilFilter(filters);
  return (image) =>
    (dangling === undefined || dangling === (image.repoTags.length === 0)) &&
    matchesLabelFilters(filters, image.config.config?.Labels ?? {}) &&
    ages.every((age) => createdAt(image) < age) &&
    youths.every((age) => createdAt(image) > age) &&
    (references.length === 0 || namesOf(image).some((name) => matchesReference(name, references))) &&
    isOldEnough(image);
}

function untilFilter(filters: Filters): (image: Image) => boolean {
  const bounds = filterValues(filters, 'until').map((text) => parseTimeBound('until', text) ?? 0n);
  return (image) => bounds.every((bound) => BigInt(createdAt(image)) * 1_000_000n < bound);
}

/** Milliseconds since the epoch. */
function createdAt(image: Image): number {
  const time = Date.parse(image.config.created ?? '');
  return Number.isNaN(time) ? 0 : time;
}

function namesOf(image: Image): string[] {
  return [...image.repoTags, ...image.repoDigests];
}

/** With a filter for references only the names that fit it are shown. */
function withMatchingNames(image: Image, references: readonly string[]): Image {
  if (references.length === 0) return image;
  const fits = (name: string): boolean => matchesReference(name, references);
  return { ...image, repoTags: image.repoTags.filter(fits), repoDigests: image.repoDigests.filter(fits) };
}

/** `busybox`, `busybox:1.*`, `*` + `/app`: a shell pattern for the whole name, or for the name without its tag. */
function matchesReference(name: string, references: readonly string[]): boolean {
  const forms = [name, name.split('@', 1)[0] ?? name, name.replace(/:[^/:]*$/, '')];
  return references.some((reference) => {
    const pattern = globPattern(familiar(reference));
    return forms.some((form) => pattern.test(form));
  });
}

/** `docker.io/library/busybox` is the same as `busybox`. */
function familiar(reference: string): string {
  if (/[*?[]/.test(reference)) return reference;
  try {
    parseReference(reference);
    return reference.replace(/^(index\.)?docker\.io\/(library\/)?/, '');
  } catch {
    return reference;
  }
}

/** path.Match of Go: `*` and `?` don't cross a slash. */
function globPattern(text: string): RegExp {
  const source = text.replace(/\[[^\]]*\]|[*?]|[^*?[]+|\[/g, (part) => {
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.startsWith('[') && part.length > 2) return part.replaceAll('\\', '\\\\');
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  try {
    return new RegExp(`^${source}$`);
  } catch {
    return /^(?!)/;
  }
}

/** How much of each image's size lies in layers that others have too. */
function sharedSizes(engine: ListEngine, images: readonly Image[]): (image: Image) => number {
  const owners = new Map<string, number>();
  for (const { chainIds } of images) {
    for (const chainId of new Set(chainIds)) owners.set(chainId, (owners.get(chainId) ?? 0) + 1);
  }
  return ({ chainIds }) =>
    chainIds
      .filter((chainId) => (owners.get(chainId) ?? 0) > 1)
      .reduce((sum, chainId) => sum + engine.snapshots.layerSize(chainId), 0);
}

function containerCounts(engine: Pick<Engine, 'containers'>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { record } of engine.containers.list())
    counts.set(record.imageId, (counts.get(record.imageId) ?? 0) + 1);
  return counts;
}

export interface PrunedImages {
  deleted: RemovedImage[];
  /** Bytes. */
  spaceReclaimed: number;
}

/** Removes images without a name, or with the filter `dangling=false` all that no container was made of. */
export async function pruneImages(
  engine: Pick<Engine, 'images' | 'containers' | 'snapshots' | 'events'>,
  filters: Filters,
  signal?: AbortSignal,
): Promise<PrunedImages> {
  validateFilters(filters, pruneFilters);
  const onlyDangling = booleanFilter(filters, 'dangling', true);
  const isOldEnough = untilFilter(filters);
  const pruned: PrunedImages = { deleted: [], spaceReclaimed: 0 };
  for (const image of engine.images.list()) {
    if (signal?.aborted === true) break;
    if (onlyDangling && image.repoTags.length > 0) continue;
    if (!isOldEnough(image) || !matchesLabelFilters(filters, image.config.config?.Labels ?? {})) continue;
    if (imageUser(engine, image.id) !== undefined) continue;
    const before = layersSize(engine);
    pruned.deleted.push(...(await removeWithNames(engine, image)));
    pruned.spaceReclaimed += before - layersSize(engine);
  }
  engine.events.publish({
    type: 'image',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(pruned.spaceReclaimed) },
  });
  return pruned;
}

/** Bytes of all layers. */
export function layersSize(engine: Pick<Engine, 'snapshots'>): number {
  return engine.snapshots.layers().reduce((sum, chainId) => sum + engine.snapshots.layerSize(chainId), 0);
}

/** By each of its names, and then by its ID if it is still there. Images that came into use meanwhile are left alone. */
async function removeWithNames(
  engine: Pick<Engine, 'images' | 'containers' | 'events'>,
  image: Image,
): Promise<RemovedImage[]> {
  const removed: RemovedImage[] = [];
  for (const name of [...image.repoTags, ...image.repoDigests, image.id]) {
    if (engine.images.find(name)?.id !== image.id) continue;
    try {
      removed.push(...(await removeImage(engine, name, { force: false, prune: true })));
    } catch (error) {
      if (!isEngineError(error, 'conflict') && !isEngineError(error, 'not-found')) throw error;
    }
  }
  return removed;
}
