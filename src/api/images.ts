/** `/images`: list, inspect, history, tag, remove, prune. */
import { listImages, pruneImages } from '../engine/image-list.ts';
import { removeImage, tagImage } from '../engine/images.ts';
import { EngineError } from '../errors/engine-error.ts';
import type {
  ImageDeleteRow,
  ImageHistoryRow,
  ImageInspect,
  ImageSummary,
  ImagesPruneResponse,
} from '../wire/image.ts';
import { Answer, type Call, param, speaks } from './call.ts';
import { encodeHistoryEntry, encodeImageInspect, encodeImageSummary, encodeRemoved } from './image-encode.ts';
import type { Filters } from './query.ts';

export function getImages(call: Call): ImageSummary[] {
  const rows = listImages(call.engine, {
    filters: listFilters(call),
    sharedSize: call.query.boolean('shared-size'),
    all: call.query.boolean('all'),
  });
  return rows.map((row) => encodeImageSummary({ ...row, containers: -1 }, call.version));
}

/** Up to 1.40 there was a parameter of its own for one reference. */
function listFilters(call: Call): Filters {
  const filters = call.query.filters();
  const reference = call.query.optional('filter');
  return speaks(call, '1.41') || reference === undefined
    ? filters
    : new Map([...filters, ['reference', [reference]]]);
}

export function getImage(call: Call): ImageInspect {
  const { images, snapshots } = call.engine;
  const image = images.get(param(call, 'name'));
  const here = image.chainIds.filter((chainId) => snapshots.hasLayer(chainId));
  return encodeImageInspect(image, snapshots.trees(here), call.version);
}

export function getHistory(call: Call): ImageHistoryRow[] {
  return call.engine.images.history(param(call, 'name')).map(encodeHistoryEntry);
}

export function postTag(call: Call): Answer {
  const repo = call.query.text('repo');
  if (repo === '')
    throw new EngineError('invalid-argument', 'repository name must have at least one component');
  const tag = call.query.text('tag');
  tagImage(call.engine, param(call, 'name'), tag === '' ? repo : `${repo}:${tag}`);
  return new Answer(201);
}

export async function deleteImage(call: Call): Promise<ImageDeleteRow[]> {
  const removed = await removeImage(call.engine, param(call, 'name'), {
    force: call.query.boolean('force'),
    prune: !call.query.boolean('noprune'),
  });
  return encodeRemoved(removed);
}

export async function postImagesPrune(call: Call): Promise<ImagesPruneResponse> {
  const pruned = await pruneImages(call.engine, call.query.filters(), call.signal);
  return { ImagesDeleted: encodeRemoved(pruned.deleted), SpaceReclaimed: pruned.spaceReclaimed };
}
