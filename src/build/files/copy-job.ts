/** COPY and ADD, once all trees are open: which source goes where. For a worker thread. */
import { utimesSync } from 'node:fs';
import { placeIn } from '../../engine/archive/view-remove.ts';
import { type Located, release, topOf, ViewTree } from '../../engine/archive/view-tree.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import { baseOf, joinPath } from '../../snapshots/layer-tree.ts';
import { parseChmod } from '../dockerfile/file-mode.ts';
import { hasWildcards } from '../dockerfile/wildcards.ts';
import { CopyWriter, enterDirectory, type WriterOptions } from './copy-writer.ts';
import type { CopyJob, FilesQuestion, InlineSource, OpenedSource, Owner } from './files-messages.ts';
import { type Selected, SourceTree } from './select-sources.ts';
import { filterOf } from './source-filter.ts';
import { type ReadAttributes, type SourceEntry, walkSelected } from './walk-source.ts';

export interface CopyHelpers {
  readAttributes: ReadAttributes;
  operate(operation: FilesQuestion): void;
}

const root: Owner = { uid: 0, gid: 0 };

/** What was written. */
export function copy(job: CopyJob, helpers: CopyHelpers): { entries: number; bytes: number } {
  checkDestination(job);
  const tree = new ViewTree(job.target);
  const totals = { entries: 0, bytes: 0 };
  const made = new Set<string>();
  try {
    if (job.sources.length === 0) makeDestination(job, tree, helpers, made);
    for (const source of job.sources) {
      const keepOwners = source.kind === 'files' && source.keepOwners;
      const owner = job.owner ?? (keepOwners ? undefined : root);
      const writer = writerOf(job, tree, helpers, { owner, made });
      const copying = new Copying(job, tree, writer, helpers);
      if (source.kind === 'files') copying.files(source);
      else copying.inline(source);
      totals.entries += writer.entries;
      totals.bytes += writer.bytes;
    }
    const at = createdAt(job);
    for (const path of made) utimesSync(placeIn(tree.root, path), at, at);
    return totals;
  } finally {
    tree.root.release();
  }
}

function writerOf(
  job: CopyJob,
  tree: ViewTree,
  helpers: CopyHelpers,
  more: Pick<WriterOptions, 'owner' | 'made'>,
): CopyWriter {
  const chmod = job.chmod === undefined ? undefined : parseChmod(job.chmod);
  return new CopyWriter({ tree, chmod, createdAt: createdAt(job), operate: helpers.operate, ...more });
}

function createdAt(job: CopyJob): number {
  return job.createdAt ?? Math.floor(Date.now() / 1000);
}

/** For what comes from elsewhere. */
function makeDestination(job: CopyJob, tree: ViewTree, helpers: CopyHelpers, made: Set<string>): void {
  const located = tree.locate(bytesOf(job.destination), true);
  try {
    enterDirectory(writerOf(job, tree, helpers, { owner: job.owner ?? root, made }), located);
  } finally {
    release(located);
  }
}

/** Docker's rule, as far as the instruction's text tells. */
function checkDestination({ sources, intoDirectory, keyword }: CopyJob): void {
  const count = sources.reduce((sum, one) => sum + (one.kind === 'files' ? one.patterns.length : 1), 0);
  if (count > 1 && !intoDirectory) throw severalSources(keyword);
}

function severalSources(keyword: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `When using ${keyword} with more than one source file, the destination must be a directory and end with a /`,
    { hint: 'write a / at the end of the destination' },
  );
}

/** Writes all that was selected, each entry at the path that it is told; undefined for what is there already. */
type Run = (relative: (entry: SourceEntry) => string | undefined) => void;

class Copying {
  readonly #job: CopyJob;
  readonly #tree: ViewTree;
  readonly #writer: CopyWriter;
  readonly #helpers: CopyHelpers;
  /** Files that were put at a destination which is no directory. */
  #single = 0;

  constructor(job: CopyJob, tree: ViewTree, writer: CopyWriter, helpers: CopyHelpers) {
    this.#job = job;
    this.#tree = tree;
    this.#writer = writer;
    this.#helpers = helpers;
  }

  files(source: OpenedSource): void {
    const opened = new SourceTree(source);
    try {
      const exclude = filterOf(this.#job.exclude);
      const { readAttributes } = this.#helpers;
      for (const selected of opened.select(this.#job.parents)) {
        try {
          this.#place(selected, opened, (relative) => {
            const write = (entry: SourceEntry): void => {
              const path = relative(entry);
              if (path !== undefined) this.#writer.write(entry, path);
            };
            walkSelected(selected, { source: opened, exclude, readAttributes }, write);
            this.#writer.end();
          });
        } finally {
          release(selected.located);
        }
      }
    } finally {
      this.#writer.end();
      opened.close();
    }
  }

  inline({ name, content }: InlineSource): void {
    this.#atFile(bytesOf(name), (directory, as) => this.#writer.writeInline(directory, as, content));
  }

  #place(selected: Selected, source: SourceTree, run: Run): void {
    const { isDirectory, kept, path } = selected;
    if (kept !== undefined)
      this.#atDirectory((directory) => this.#withParents(selected, source, directory, run));
    else if (isDirectory)
      this.#atDirectory((directory) => {
        this.#writer.begin(directory);
        // The directory itself is the destination.
        run(({ relative }) => (relative === '' ? undefined : relative));
      });
    else {
      if (hasWildcards(source.source.patterns.join(' '))) this.#checkSingle();
      this.#atFile(baseOf(path), (directory, name) => {
        this.#writer.begin(directory);
        run(() => name);
      });
    }
  }

  /** The folders above it in the source are made as they are there, once there is something to put in. */
  #withParents(selected: Selected, source: SourceTree, directory: TreeDirectory, run: Run): void {
    const { kept = '', path } = selected;
    let isMade = false;
    this.#writer.begin(directory);
    run(({ relative }) => {
      if (!isMade) this.#makeParents(source, path, kept);
      isMade = true;
      return kept === '' && relative === '' ? undefined : joinParts(kept, relative);
    });
  }

  #makeParents(source: SourceTree, path: string, kept: string): void {
    const parts = kept.split('/').slice(0, -1);
    const above = path.slice(0, path.length - kept.length);
    for (const [index] of parts.entries()) {
      const relative = parts.slice(0, index + 1).join('/');
      const located = source.tree.locate(`${above}${relative}`, true);
      try {
        const { stats } = located;
        if (stats === undefined || located.name !== undefined) continue;
        const top = topOf(located);
        this.#writer.write({ relative, directory: top, name: '.', stats, attributes: undefined }, relative);
      } finally {
        release(located);
      }
    }
  }

  #atDirectory(work: (directory: TreeDirectory) => void): void {
    const located = this.#locate();
    try {
      work(enterDirectory(this.#writer, located));
    } finally {
      release(located);
    }
  }

  /** In the destination where that is a directory, else as it. */
  #atFile(name: string, work: (directory: TreeDirectory, name: string) => void): void {
    const located = this.#locate();
    try {
      const isThere = located.name === undefined && located.missing.length === 0;
      if (this.#job.intoDirectory || isThere) {
        work(enterDirectory(this.#writer, located), name);
        return;
      }
      this.#single += 1;
      const as = located.name ?? located.missing.pop() ?? name;
      located.name = undefined;
      work(enterDirectory(this.#writer, located), as);
    } finally {
      release(located);
    }
  }

  /** A second file would take the first one's place. */
  #checkSingle(): void {
    if (this.#single > 0) throw severalSources(this.#job.keyword);
  }

  #locate(): Located {
    return this.#tree.locate(bytesOf(this.#job.destination), true);
  }
}

function joinParts(kept: string, relative: string): string {
  return relative === '' ? kept : joinPath(kept, relative);
}

function bytesOf(path: string): string {
  return Buffer.from(path).toString('latin1');
}
