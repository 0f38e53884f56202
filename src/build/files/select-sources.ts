/** Finds what the sources of COPY and ADD name in a tree: paths and wildcards, links followed within the root only. For a worker thread. */
import { posix } from 'node:path';
import { type Located, pathOf, release, topOf, ViewTree } from '../../engine/archive/view-tree.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import { maxDepth, tooDeep } from '../../snapshots/archive/walk-merged.ts';
import { joinPath } from '../../snapshots/layer-tree.ts';
import { hasWildcards, sourcePath, sourcePattern, splitAtPivot } from '../dockerfile/wildcards.ts';
import type { OpenedSource } from './files-messages.ts';
import { filterOf, readable, type SourceFilter } from './source-filter.ts';

/** One thing to be copied. Whoever takes it releases `located`. Paths are bytes, relative to the tree's root. */
export interface Selected {
  /** As it matched, links as they are. */
  path: string;
  /** Where it is, links followed. */
  located: Located;
  /** With all links followed; '' for the root. */
  realPath: string;
  isDirectory: boolean;
  /** Of `--parents`: where below the destination it goes; undefined without. */
  kept: string | undefined;
}

interface Pattern {
  text: string;
  /** Of `--parents`: the folder that is not kept. */
  pivot: string | undefined;
}

export class SourceTree {
  readonly source: OpenedSource;
  readonly tree: ViewTree;
  readonly ignore: SourceFilter;

  constructor(source: OpenedSource) {
    this.source = source;
    this.tree = new ViewTree(source.root);
    this.ignore = filterOf(source.ignore);
  }

  close(): void {
    this.tree.root.release();
  }

  /** In the order of the patterns, each one's matches by name. EngineError `not-found` (`details.path`). */
  *select(parents: boolean): Generator<Selected> {
    for (const text of this.source.patterns) yield* this.#match(patternOf(text, parents));
  }

  *#match(pattern: Pattern): Generator<Selected> {
    if (hasWildcards(pattern.text)) {
      yield* this.#matchWildcards(pattern);
      return;
    }
    const path = bytesOf(sourcePath(pattern.text));
    const found = this.#take(path, pattern);
    if (found === undefined) throw notFound(path);
    yield found;
  }

  /** What matches nothing is no error, as in BuildKit. */
  *#matchWildcards(pattern: Pattern): Generator<Selected> {
    const isDeep = pattern.pivot !== undefined && pattern.text.includes('**');
    const { folder, matches } = sourcePattern(pattern.text, { parents: pattern.pivot !== undefined });
    const depth = isDeep ? maxDepth : sourcePath(pattern.text).split('/').length;
    const start = this.tree.locate(bytesOf(folder), true);
    try {
      if (start.name !== undefined || start.missing.length > 0) return;
      const base = bytesOf(folder);
      const first = base === '' ? 0 : base.split('/').length;
      for (const path of this.#walk(topOf(start), base, depth - first, matches)) {
        const found = this.#take(path, pattern);
        if (found !== undefined) yield found;
      }
    } finally {
      release(start);
    }
  }

  /** Names that match, nothing below them. */
  *#walk(
    directory: TreeDirectory,
    path: string,
    depth: number,
    matches: (path: string) => boolean,
    level = 0,
  ): Generator<string> {
    if (level >= maxDepth) throw tooDeep();
    for (const { name, kind } of directory.list()) {
      const at = joinPath(path, name);
      if (matches(readable(at))) {
        yield at;
        continue;
      }
      if (kind !== 'directory' || depth <= 1 || this.ignore.prunes(joinPath(directory.relative, name)))
        continue;
      const child = directory.child(name);
      if (child === undefined) continue;
      try {
        yield* this.#walk(child, at, depth - 1, matches, level + 1);
      } finally {
        child.release();
      }
    }
  }

  /** Undefined where nothing is there, or all of it is left out. */
  #take(path: string, { pivot }: Pattern): Selected | undefined {
    const located = this.tree.locate(path, true);
    const realPath = pathOf(located).slice(1);
    const isDirectory = located.name === undefined && located.missing.length === 0;
    const isHidden = [path, realPath].some((one) =>
      isDirectory ? this.ignore.prunes(one) : this.ignore.leavesOut(one),
    );
    if (located.missing.length > 0 || isHidden) {
      release(located);
      return undefined;
    }
    return {
      path,
      located,
      realPath,
      isDirectory,
      kept: pivot === undefined ? undefined : below(path, pivot),
    };
  }
}

function patternOf(text: string, parents: boolean): Pattern {
  if (!parents) return { text, pivot: undefined };
  const { root, kept } = splitAtPivot(text);
  return { text: posix.join('/', root, kept).slice(1), pivot: root };
}

/** The pivot's folder may be of wildcards: as many parts are dropped as it has. */
function below(path: string, pivot: string): string {
  if (pivot === '') return path;
  return path.split('/').slice(pivot.split('/').length).join('/');
}

function bytesOf(path: string): string {
  return Buffer.from(path).toString('latin1');
}

export function notFound(path: string): EngineError {
  const shown = `/${readable(path)}`;
  return new EngineError('not-found', `failed to calculate checksum: ${JSON.stringify(shown)}: not found`, {
    hint: 'check the path, and that .dockerignore does not leave it out',
    details: { path: shown },
  });
}
