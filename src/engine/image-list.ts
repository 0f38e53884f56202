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
import { matchesPath } from './path-match.ts';
import { parseTimeBound } from './time-bound.ts';

export interface ImageRow {
  image: Image;
  /** Bytes that other images have in common with it; -1 where that wasn't asked for. */
  sharedSize: number;
  /** How many containers were made of it. */
  containers: number;
}

type ListEngine = Pick<Engine, 'images' | 'containers' | 'snapshots'>;

const listFilters = new Set(['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until']);
const pruneFilters = new Set(['dangling', 'label', 'label!', 'until']);

/**
 * Newest first; images that others were made from and that have no name only with `all`. EngineErrors: `invalid-argument` for unknown filters and bad
 * patterns, `not-found` for an image of `before` or `since`.
 */
export function listImages(
  engine: ListEngine,
  question: { filters: Filters; sharedSize: boolean; all?: boolean },
): ImageRow[] {
  const { filters } = question;
  validateFilters(filters, listFilters);
  const all = engine.images.list();
  const wanted = imageFilter(engine, filters, parentsAmong(all), question.all === true);
  const sharedSizeOf = question.sharedSize ? sharedSizes(engine, all) : () => -1;
  const users = containerCounts(engine);
  const named = namesFilter(filters);
  return all
    .filter(wanted)
    .map(named)
    .filter((image) => !filters.has('reference') || hasName(image))
    .sort((one, other) => createdAt(other) - createdAt(one))
    .map((image) => ({
      image,
      sharedSize: sharedSizeOf(image),
      containers: users.get(image.id) ?? 0,
    }));
}

/** IDs of the images that others were made from. */
function parentsAmong(images: readonly Image[]): Set<string> {
  return new Set(images.flatMap(({ parentId }) => (parentId === undefined ? [] : [parentId])));
}

function hasName({ repoTags, repoDigests }: Image): boolean {
  return repoTags.length > 0 || repoDigests.length > 0;
}

function imageFilter(
  engine: ListEngine,
  filters: Filters,
  parents: ReadonlySet<string>,
  all: boolean,
): (image: Image) => boolean {
  const dangling = filters.has('dangling') ? booleanFilter(filters, 'dangling', false) : undefined;
  const ages = filterValues(filters, 'before').map((name) => createdAt(engine.images.get(name)));
  const youths = filterValues(filters, 'since').map((name) => createdAt(engine.images.get(name)));
  const isOldEnough = untilFilter(filters);
  return (image) =>
    (all || hasName(image) || !parents.has(image.id)) &&
    (dangling !== true || (image.repoTags.length === 0 && !parents.has(image.id))) &&
    (dangling !== false || hasName(image)) &&
    matchesLabelFilters(filters, image.config.config?.Labels ?? {}) &&
    ages.every((age) => createdAt(image) < age) &&
    youths.every((age) => createdAt(image) > age) &&
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

/** With a filter for references only the names that fit it are shown: `busybox`, `busybox:1.*`, `*` + `/app`. */
function namesFilter(filters: Filters): (image: Image) => Image {
  const patterns = filterValues(filters, 'reference').map(familiar);
  if (patterns.length === 0) return (image) => image;
  // Also where there is no image, a bad pattern is an error.
  for (const pattern of patterns) matchesPath(pattern, '');
  const fits = (name: string): boolean => {
    const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
    return patterns.some((pattern) => matchesPath(pattern, name) || matchesPath(pattern, repository));
  };
  return (image) => ({
    ...image,
    repoTags: image.repoTags.filter(fits),
    repoDigests: image.repoDigests.filter(fits),
  });
}

/** `docker.io/library/busybox` is the same as `busybox`. */
function familiar(reference: string): string {
  if (/[*?[\\]/.test(reference)) return reference;
  try {
    parseReference(reference);
    return reference.replace(/^(index\.)?docker\.io\/(library\/)?/, '');
  } catch {
    return reference;
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

/** Removes images without a tag, or with the filter `dangling=false` all that no container was made of. */
export async function pruneImages(
  engine: Pick<Engine, 'images' | 'containers' | 'snapshots' | 'events'>,
  filters: Filters,
  signal?: AbortSignal,
): Promise<PrunedImages> {
  validateFilters(filters, pruneFilters);
  const onlyDangling = booleanFilter(filters, 'dangling', true);
  const isOldEnough = untilFilter(filters);
  const sizes = layerSizes(engine);
  const images = engine.images.list();
  const parents = parentsAmong(images);
  const pruned: PrunedImages = { deleted: [], spaceReclaimed: 0 };
  for (const image of images) {
    if (signal?.aborted === true) break;
    if (onlyDangling && image.repoTags.length > 0) continue;
    if (!hasName(image) && parents.has(image.id)) continue;
    if (!isOldEnough(image) || !matchesLabelFilters(filters, image.config.config?.Labels ?? {})) continue;
    if (imageUser(engine, image.id) !== undefined) continue;
    pruned.deleted.push(...(await removeWithNames(engine, image)));
  }
  for (const { deleted = '' } of pruned.deleted) pruned.spaceReclaimed += sizes.get(deleted) ?? 0;
  engine.events.publish({
    type: 'image',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(pruned.spaceReclaimed) },
  });
  return pruned;
}

/** Bytes by chain ID. */
function layerSizes({ snapshots }: Pick<Engine, 'snapshots'>): Map<string, number> {
  return new Map(snapshots.layers().map((chainId) => [chainId, snapshots.layerSize(chainId)]));
}

/** Bytes of all layers. */
export function layersSize(engine: Pick<Engine, 'snapshots'>): number {
  return [...layerSizes(engine).values()].reduce((sum, size) => sum + size, 0);
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
