/** COPY and ADD: opens the trees, lets a thread copy, and unpacks the tars among the sources. */
import { posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import { parseChmod } from '../dockerfile/file-mode.ts';
import { ownerOf } from './copy-owner.ts';
import type { CopyJob, FilesResult, OpenSource, SelectedPath } from './files-messages.ts';
import type { FilesParts } from './files-parts.ts';
import type { CopyOperation, CopyResult } from './files-types.ts';
import { openSources } from './open-sources.ts';
import { ArchiveFile } from './unpack-archive.ts';
import { unpackFile } from './unpack-file.ts';

/** See `Files.copy`. */
export async function copyFiles(
  parts: FilesParts,
  operation: CopyOperation,
  signal: AbortSignal,
): Promise<CopyResult> {
  const job = jobOf(operation);
  if (operation.chmod !== undefined) parseChmod(operation.chmod);
  const opened = await openSources(parts.trees, operation.sources);
  try {
    const target = await parts.trees.write(operation.target);
    try {
      const whole = { ...job, target: target.root, sources: opened.sources };
      const { unpack: what = false } = operation;
      if (what === false) return copied(await parts.pool.run(whole, signal));
      return await new Adding(parts, whole, what === 'local', signal).run();
    } finally {
      await target.release();
    }
  } finally {
    await opened.release();
  }
}

function jobOf(operation: CopyOperation): Omit<CopyJob, 'target' | 'sources'> {
  const { keyword, chown, chmod, parents = false, exclude = [], createdAt, accounts, target } = operation;
  return {
    kind: 'copy',
    ...destinationOf(operation),
    keyword,
    owner: chown === undefined ? undefined : ownerOf(chown, accounts ?? target.lower),
    chmod,
    parents,
    exclude,
    createdAt,
  };
}

function destinationOf({ destination, workdir, parents }: CopyOperation): {
  destination: string;
  intoDirectory: boolean;
} {
  const isNamed = destination !== '' && !/(^|\/)\.?$/.test(destination);
  const absolute = posix.join('/', destination.startsWith('/') ? '' : workdir, destination);
  return { destination: absolute.replace(/(.)\/$/, '$1'), intoDirectory: !isNamed || parents === true };
}

function copied(result: FilesResult): CopyResult {
  if (result.kind !== 'copied') throw new EngineError('internal', 'a copy was answered with something else');
  return { entries: result.entries, bytes: result.bytes };
}

/** Sources one after the other: tars among them are unpacked. */
class Adding {
  readonly #parts: FilesParts;
  readonly #job: CopyJob;
  /** Does what was fetched stay as it is? */
  readonly #onlyLocal: boolean;
  readonly #signal: AbortSignal;
  #total: CopyResult = { entries: 0, bytes: 0 };

  constructor(parts: FilesParts, job: CopyJob, onlyLocal: boolean, signal: AbortSignal) {
    this.#parts = parts;
    this.#job = job;
    this.#onlyLocal = onlyLocal;
    this.#signal = signal;
  }

  async run(): Promise<CopyResult> {
    const { sources, parents, exclude } = this.#job;
    const selected = await this.#parts.pool.run({ kind: 'select', sources, parents, exclude }, this.#signal);
    const paths = selected.kind === 'selected' ? selected.paths : [];
    const archives = new Set<SelectedPath>();
    for (const path of paths) if (await this.#isArchive(path)) archives.add(path);
    if (archives.size === 0) return copied(await this.#parts.pool.run(this.#job, this.#signal));
    await this.#each(paths, archives);
    return this.#total;
  }

  async #each(paths: readonly SelectedPath[], archives: ReadonlySet<SelectedPath>): Promise<void> {
    const { sources, intoDirectory, keyword } = this.#job;
    const inline = sources.filter((source) => source.kind === 'inline');
    if (paths.length + inline.length > 1 && !intoDirectory)
      throw new EngineError(
        'invalid-argument',
        `When using ${keyword} with more than one source file, the destination must be a directory and end with a /`,
        { hint: 'write a / at the end of the destination' },
      );
    for (const path of paths) {
      const source = sources[path.source];
      if (source?.kind !== 'files') continue;
      if (archives.has(path)) await this.#unpack(path);
      else await this.#copy([{ ...source, patterns: [escaped(path.name)] }]);
    }
    for (const source of inline) await this.#copy([source]);
  }

  async #copy(sources: readonly OpenSource[]): Promise<void> {
    const { entries, bytes } = copied(await this.#parts.pool.run({ ...this.#job, sources }, this.#signal));
    this.#total = { entries: this.#total.entries + entries, bytes: this.#total.bytes + bytes };
  }

  async #isArchive(path: SelectedPath): Promise<boolean> {
    const source = this.#job.sources[path.source];
    if (!path.isFile || (this.#onlyLocal && source?.kind === 'files' && source.digest !== undefined))
      return false;
    const file = this.#open(path);
    try {
      return await file.isArchive();
    } finally {
      file.close();
    }
  }

  async #unpack(path: SelectedPath): Promise<void> {
    // The destination is a directory now.
    await this.#parts.pool.run({ ...this.#job, sources: [], intoDirectory: true }, this.#signal);
    const file = this.#open(path);
    const { target, destination, owner } = this.#job;
    try {
      await unpackFile(this.#parts, file, { target, destination, owner }, this.#signal);
      this.#total = { ...this.#total, entries: this.#total.entries + 1 };
    } catch (error) {
      if (!(error instanceof EngineError) || error.code === 'cancelled') throw error;
      const shown = Buffer.from(path.name, 'latin1').toString();
      throw new EngineError(error.code, `cannot unpack ${shown}: ${error.message}`, {
        cause: error,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    } finally {
      file.close();
    }
  }

  #open({ source, path }: SelectedPath): ArchiveFile {
    const from = this.#job.sources[source];
    if (from?.kind !== 'files') throw new EngineError('internal', 'a source that is no tree');
    return ArchiveFile.open(from.root, path, this.#parts.maxExpansion);
  }
}

/** A name that is to match only itself. */
function escaped(path: string): string {
  return Buffer.from(path, 'latin1')
    .toString()
    .replace(/[*?[\\]/g, '\\$&');
}
