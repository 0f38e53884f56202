/** Walks what a source selected, with attributes, which come in batches. For a worker thread. */
import type { BigIntStats } from 'node:fs';
import { topOf } from '../../engine/archive/view-tree.ts';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import { maxDepth, tooDeep } from '../../snapshots/archive/walk-merged.ts';
import { baseOf, joinPath } from '../../snapshots/layer-tree.ts';
import type { Selected, SourceTree } from './select-sources.ts';
import type { SourceFilter } from './source-filter.ts';

/** Entries that wait for the attributes of all of them, and directories that are held open for them at most. */
const batchSize = 1000;
const maxHeld = 200;

/** Something below, or what was selected itself. */
export interface SourceEntry {
  /** Below what was selected; '' for itself. */
  relative: string;
  /** Holds `name`, which is `.` for a directory that was selected. */
  directory: TreeDirectory;
  name: string;
  stats: BigIntStats;
  /** Undefined for none. */
  attributes: Attributes;
}

/** `paths` below `root`, each with its attributes. */
export type ReadAttributes = (root: string, paths: readonly string[]) => readonly Attributes[];

export interface WalkOptions {
  source: SourceTree;
  exclude: SourceFilter;
  readAttributes: ReadAttributes;
  /** Whose attributes nobody asks for. */
  isKnown?: (stats: BigIntStats) => boolean;
}

/** Depth first, each directory before what is in it, names in the order of their bytes. `take` must not keep an entry. Sockets and whiteouts are left out. */
export function walkSelected(
  selected: Selected,
  options: WalkOptions,
  take: (entry: SourceEntry) => void,
): void {
  const batch = new Batch(options, take);
  try {
    new Walk(selected, options, batch).run();
    batch.flush();
  } finally {
    batch.drop();
  }
}

class Batch {
  readonly #options: WalkOptions;
  readonly #take: (entry: SourceEntry) => void;
  readonly #held = new Set<TreeDirectory>();
  #entries: SourceEntry[] = [];

  constructor(options: WalkOptions, take: (entry: SourceEntry) => void) {
    this.#options = options;
    this.#take = take;
  }

  add(entry: SourceEntry): void {
    this.#entries.push({ ...entry, directory: entry.directory.retain() });
    this.#held.add(entry.directory);
    if (this.#entries.length >= batchSize || this.#held.size >= maxHeld) this.flush();
  }

  flush(): void {
    const { source, isKnown, readAttributes } = this.#options;
    const { root } = source.tree;
    const entries = this.#entries.filter(
      ({ stats }) => (stats.isFile() || stats.isDirectory()) && isKnown?.(stats) !== true,
    );
    const paths = entries.map(({ directory, name }) => pathOf(directory, name));
    const found = paths.length === 0 ? [] : readAttributes(root.publicPath, paths);
    for (const [index, entry] of entries.entries()) entry.attributes = found[index];
    for (const entry of this.#entries) this.#take(entry);
    this.drop();
  }

  drop(): void {
    for (const { directory } of this.#entries) directory.release();
    this.#entries = [];
    this.#held.clear();
  }
}

function pathOf({ relative }: TreeDirectory, name: string): string {
  if (name !== '.') return joinPath(relative, name);
  return relative === '' ? '.' : relative;
}

class Walk {
  readonly #selected: Selected;
  readonly #options: WalkOptions;
  readonly #batch: Batch;
  /** Directories that are left out, unless something in them is not. */
  #pending: SourceEntry[] = [];

  constructor(selected: Selected, options: WalkOptions, batch: Batch) {
    this.#selected = selected;
    this.#options = options;
    this.#batch = batch;
  }

  run(): void {
    const { located, isDirectory, realPath } = this.#selected;
    const top = topOf(located);
    const { stats, name } = located;
    if (stats === undefined) return;
    const entry = { relative: '', directory: top, name: name ?? '.', stats, attributes: undefined };
    if (isDirectory) this.#directory(entry, top, realPath, 0);
    else if (!this.#isLeftOut('', realPath)) this.#batch.add(entry);
  }

  #directory(entry: SourceEntry, directory: TreeDirectory, realPath: string, depth: number): void {
    if (depth >= maxDepth) throw tooDeep();
    const isOut = entry.relative !== '' && this.#isLeftOut(entry.relative, realPath);
    if (isOut) this.#pending.push(entry);
    else this.#add(entry);
    for (const { name, kind } of directory.list()) {
      const relative = joinPath(entry.relative, name);
      const path = joinPath(realPath, name);
      const stats = directory.stat(name);
      if (stats === undefined || stats.isSocket() || isWhiteout(stats)) continue;
      const next = { relative, directory, name, stats, attributes: undefined };
      if (kind !== 'directory') {
        if (!this.#isLeftOut(relative, path)) this.#add(next);
        continue;
      }
      this.#enter(next, path, depth);
    }
    if (isOut && this.#pending.at(-1) === entry) this.#pending.pop();
  }

  #enter(entry: SourceEntry, realPath: string, depth: number): void {
    const { source, exclude } = this.#options;
    if (source.ignore.prunes(realPath) || exclude.prunes(this.#excludedAs(entry.relative))) return;
    const child = entry.directory.child(entry.name);
    if (child === undefined) return;
    try {
      this.#directory(entry, child, realPath, depth + 1);
    } finally {
      child.release();
    }
  }

  #add(entry: SourceEntry): void {
    for (const parent of this.#pending) this.#batch.add(parent);
    this.#pending = [];
    this.#batch.add(entry);
  }

  #isLeftOut(relative: string, realPath: string): boolean {
    const { source, exclude } = this.#options;
    return source.ignore.leavesOut(realPath) || exclude.leavesOut(this.#excludedAs(relative));
  }

  /** Patterns of `--exclude` are about what is below a folder that is copied, the name of a file that is, and with `--parents` all that is kept. */
  #excludedAs(relative: string): string {
    const { kept, path, isDirectory } = this.#selected;
    if (kept !== undefined) return joinPath(kept, relative);
    return isDirectory ? relative : baseOf(path);
  }
}

/** Character device 0:0: of an overlay, and nothing that anybody can use. */
function isWhiteout(stats: BigIntStats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0n;
}
