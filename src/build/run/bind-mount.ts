/** RUN --mount=type=bind: a directory or file of a context, a stage or an image; what is written there is nobody's. */

import { mkdirSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { LayerDrafts } from '../../snapshots/layer-drafts.ts';
import { findLayered, type LayeredEntry } from '../../snapshots/layered-lookup.ts';
import type { FileTree } from '../files/files-types.ts';
import type { StepScratch } from './step-scratch.ts';

export interface BindMount {
  tree: FileTree;
  source: string;
  /** Absolute. */
  target: string;
  readOnly: boolean;
}

const plain = ['rbind', 'rprivate'];

/** A mount's options are a page at most (mount(2)). */
const mostOptions = 4000;

/** EngineError `not-found` where there is no such source. Undefined where there are more layers than a mount takes: it is to be copied then. */
export async function bindMount(
  bind: BindMount,
  scratch: StepScratch,
  drafts: LayerDrafts,
): Promise<SpecMount | undefined> {
  const { tree, source, target, readOnly } = bind;
  const trees = tree.kind === 'directory' ? [tree.root] : tree.trees;
  const entry = findLayered(trees, source);
  if (entry === undefined && source !== '/') throw missing(source);
  if (entry?.stats.isDirectory() === false) return await fileMount(entry, bind, scratch);
  const places = entry?.places.map((place) => join(place.tree, place.relative)) ?? [];
  const [only, ...others] = places;
  if (readOnly && only !== undefined && others.length === 0)
    return { destination: target, type: 'bind', source: only, options: [...plain, 'ro'] };
  const lower = await Promise.all(
    (await atLeast(places, readOnly, scratch)).map((path) => scratch.link(path)),
  );
  const options = [`lowerdir=${lower.join(':')}`];
  if (options.join().length > mostOptions) return undefined;
  if (readOnly)
    return { destination: target, type: 'overlay', source: 'overlay', options: ['ro', ...options] };
  const draft = drafts.begin();
  scratch.onClose(() => drafts.drop(draft));
  const [upper, work] = await Promise.all([scratch.link(draft.upper), scratch.link(draft.work)]);
  options.push(`upperdir=${upper}`, `workdir=${work}`);
  return { destination: target, type: 'overlay', source: 'overlay', options };
}

/** The overlay wants two layers at least where none is written to, and one otherwise. */
async function atLeast(
  places: readonly string[],
  readOnly: boolean,
  scratch: StepScratch,
): Promise<string[]> {
  const padded = [...places];
  while (padded.length < (readOnly ? 2 : 1)) {
    const empty = scratch.path();
    mkdirSync(empty, { mode: 0o755 });
    padded.push(empty);
  }
  return padded;
}

async function fileMount(
  { hostPath }: LayeredEntry,
  { target, readOnly }: BindMount,
  scratch: StepScratch,
): Promise<SpecMount> {
  if (readOnly) return { destination: target, type: 'bind', source: hostPath, options: [...plain, 'ro'] };
  const copy = scratch.path();
  await copyFile(hostPath, copy);
  return { destination: target, type: 'bind', source: copy, options: plain };
}

function missing(source: string): EngineError {
  return new EngineError('not-found', `failed to compute cache key: "${source}": not found`, {
    hint: 'a mount’s source is looked for in its context, stage or image',
  });
}
