/** The files of builds: puts the parts of this folder together. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import { GzipHelper } from '../../host/gzip-helper.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import { BoundedMap } from '../../util/bounded-map.ts';
import type { ContextTree } from '../build-types.ts';
import { ContextSources } from './context-sources.ts';
import { copyFiles } from './copy-files.ts';
import type { FilesParts } from './files-parts.ts';
import { FilesPool } from './files-pool.ts';
import type {
  CopyOperation,
  CopyResult,
  DigestQuery,
  FetchedSource,
  Files,
  GitRequest,
  HttpRequest,
} from './files-types.ts';
import { fetchGit } from './git-source.ts';
import { fetchHttp } from './http-source.ts';
import { openSources } from './open-sources.ts';
import { OpenTrees } from './open-trees.ts';

export interface FileWorkOptions {
  launcher: Launcher;
  /** A directory of its own, on a file system that an overlay can be on. */
  directory: string;
  /** How many times its compressed size an archive may have. */
  maxExpansion: number;
  /** The gantry-gzip binary; gzip is read by zlib without. */
  gzipProgram?: string;
}

/** Digests of what never changes: selections of layers. */
const maxDigests = 2000;

export class FileWork implements Files {
  /** Contexts that are archives or addresses. */
  readonly contexts: ContextSources;
  readonly #parts: FilesParts;
  readonly #cacheFile: string;
  readonly #fifos: string;
  readonly #digests = new BoundedMap<string, string>(maxDigests);

  constructor({ launcher, directory, maxExpansion, gzipProgram }: FileWorkOptions) {
    const trees = new OpenTrees(launcher, join(directory, 'temporary'));
    const gzip =
      gzipProgram === undefined
        ? undefined
        : new GzipHelper({ launcher, program: gzipProgram, directory: join(directory, 'gzip') });
    this.#parts = { launcher, pool: new FilesPool(launcher), trees, gzip, maxExpansion };
    this.#fifos = join(directory, 'gzip');
    this.contexts = new ContextSources(this.#parts);
    this.#cacheFile = join(directory, 'file-digests');
  }

  /** Takes away what a crash left. For the start. */
  async sweep(): Promise<void> {
    await this.#parts.trees.sweep();
    await rm(this.#fifos, { recursive: true, force: true });
  }

  copy(operation: CopyOperation, signal: AbortSignal): Promise<CopyResult> {
    return copyFiles(this.#parts, operation, signal);
  }

  async digestOf(
    { sources, parents = false, exclude = [] }: DigestQuery,
    signal: AbortSignal,
  ): Promise<string> {
    const isFixed = sources.every((source) => source.kind === 'inline' || source.tree.kind === 'layers');
    const key = isFixed ? JSON.stringify([sources, parents, exclude]) : undefined;
    const known = key === undefined ? undefined : this.#digests.get(key);
    if (known !== undefined) return known;
    const opened = await openSources(this.#parts.trees, sources);
    try {
      const cacheFile = isFixed ? undefined : this.#cacheFile;
      const job = { kind: 'digest', sources: opened.sources, parents, exclude, cacheFile } as const;
      const result = await this.#parts.pool.run(job, signal);
      if (result.kind !== 'digest') throw new EngineError('internal', 'a digest was not answered');
      if (key !== undefined) this.#digests.set(key, result.digest);
      return result.digest;
    } finally {
      await opened.release();
    }
  }

  fetchHttp(request: HttpRequest, signal: AbortSignal): Promise<FetchedSource> {
    return fetchHttp(this.#parts.trees, request, signal);
  }

  fetchGit(request: GitRequest, signal: AbortSignal): Promise<FetchedSource> {
    return fetchGit(this.#parts, request, signal);
  }

  openLayers(trees: readonly string[]): Promise<ContextTree> {
    return this.#parts.trees.read({ kind: 'layers', trees });
  }

  async close(): Promise<void> {
    await this.#parts.pool.close();
  }
}
