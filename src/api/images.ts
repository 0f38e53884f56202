/** `/images`: list, inspect, history, tag, remove, prune. */
import { findImage } from '../engine/create-image.ts';
import { listImages, pruneImages } from '../engine/image-list.ts';
import { removeImage, tagImage } from '../engine/images.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Image } from '../images/image-types.ts';
import type {
  ImageDeleteRow,
  ImageHistoryRow,
  ImageInspect,
  ImageSummary,
  ImagesPruneResponse,
} from '../wire/image.ts';
import { Answer, type Call, param, speaks } from './call.ts';
import { encodeHistoryEntry, encodeImageInspect, encodeImageSummary, encodeRemoved } from './image-encode.ts';
import { platformOf, platformText } from './platform-query.ts';
import type { Filters } from './query.ts';

export function getImages(call: Call): ImageSummary[] {
  const rows = listImages(call.engine, {
    filters: listFilters(call),
    sharedSize: call.query.boolean('shared-size'),
    all: call.query.boolean('all'),
  });
  /* Up to 1.50 a list did not count them. */
  const counts = speaks(call, '1.51');
  return rows.map((row) => encodeImageSummary(counts ? row : { ...row, containers: -1 }, call.version));
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
  const { snapshots } = call.engine;
  const image = askedImage(call);
  const here = image.chainIds.filter((chainId) => snapshots.hasLayer(chainId));
  return encodeImageInspect(image, snapshots.trees(here), versionForInspect(call));
}

/**
 * Compose 1 asks in the newest version and then reads `ContainerConfig`, which is gone with 1.45: it dies of a KeyError
 * when it makes a container anew. It gets what 1.44 says.
 */
function versionForInspect(call: Call): string {
  const isComposeOne = call.request.headers['user-agent']?.startsWith('docker-compose/1.') === true;
  return isComposeOne && speaks(call, '1.45') ? '1.44' : call.version;
}

export function getHistory(call: Call): ImageHistoryRow[] {
  return call.engine.images.history(askedImage(call).id).map(encodeHistoryEntry);
}

/** EngineError `not-found` also where it is for another platform than the query's. */
function askedImage(call: Call): Image {
  const platform = platformOf(call.query);
  const name = param(call, 'name');
  return platform === undefined ? call.engine.images.get(name) : findImage(call.engine, name, platform).image;
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
  const name = param(call, 'name');
  // An image has one platform here: that one must be among those to remove.
  for (const platform of call.query.all('platforms')) findImage(call.engine, name, platformText(platform));
  const removed = await removeImage(call.engine, name, {
    force: call.query.boolean('force'),
    prune: !call.query.boolean('noprune'),
  });
  return encodeRemoved(removed);
}

export async function postImagesPrune(call: Call): Promise<ImagesPruneResponse> {
  const pruned = await pruneImages(call.engine, call.query.filters(), call.signal);
  return { ImagesDeleted: encodeRemoved(pruned.deleted), SpaceReclaimed: pruned.spaceReclaimed };
}
