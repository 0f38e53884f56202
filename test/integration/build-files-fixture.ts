/** A place for layers, and the files of builds at work on them, as root with a real kernel. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FileWork } from '../../src/build/files/file-work.ts';
import type { CopyOperation, CopyResult, CopySource } from '../../src/build/files/files-types.ts';
import { findShim, startLauncher } from '../../src/host/launcher.ts';
import type { Launcher } from '../../src/host/launcher-types.ts';

export class FilesBench {
  readonly root: string;
  readonly launcher: Launcher;
  readonly work: FileWork;
  readonly signal = new AbortController().signal;
  #count = 0;

  private constructor(root: string, launcher: Launcher) {
    this.root = root;
    this.launcher = launcher;
    const gzipProgram = join(dirname(findShim()), 'gantry-gzip');
    this.work = new FileWork({ launcher, directory: join(root, 'files'), maxExpansion: 1000, gzipProgram });
  }

  static async open(): Promise<FilesBench> {
    const root = mkdtempSync(join(tmpdir(), 'gantry-build-files-'));
    return new FilesBench(root, await startLauncher());
  }

  async close(): Promise<void> {
    await this.work.close();
    await this.launcher.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** A new directory, filled by a script that runs in it. */
  directory(script = ''): string {
    this.#count += 1;
    const path = join(this.root, `d${this.#count}`);
    mkdirSync(path, { mode: 0o755 });
    this.run(path, script);
    return path;
  }

  run(directory: string, script: string): string {
    return execFileSync('sh', ['-ec', `umask 022; ${script}`], { cwd: directory, encoding: 'utf8' });
  }

  context(script: string, patterns: readonly string[], ignore: readonly string[] = []): CopySource {
    return { kind: 'files', tree: { kind: 'directory', root: this.directory(script) }, patterns, ignore };
  }

  /** COPY of the sources on top of `lower`. Returns the upper directory. */
  async copy(
    sources: readonly CopySource[],
    destination: string,
    more: Partial<CopyOperation> & { lower?: readonly string[]; signal?: AbortSignal } = {},
  ): Promise<{ upper: string; result: CopyResult }> {
    const { lower = [], signal = this.signal, ...rest } = more;
    const [upper, work] = [this.directory(), this.directory()];
    const result = await this.work.copy(
      {
        keyword: 'COPY',
        sources,
        destination,
        workdir: '/',
        target: { upper, work, lower },
        ...rest,
      },
      signal,
    );
    return { upper, result };
  }

  /** What a container would see of layers, top first, as `find` tells it: one line a path. */
  async list(trees: readonly string[], format = '%P %y %m %U:%G %l'): Promise<string[]> {
    const view = await this.work.openLayers(trees);
    try {
      const found = this.run(this.root, `find ${view.root}/ -mindepth 1 -printf '${format}\\n'`);
      return found
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.trimEnd())
        .sort();
    } finally {
      await view.release();
    }
  }

  /** Temporary directories that are left. */
  leftovers(): string[] {
    try {
      return readdirSync(join(this.root, 'files', 'temporary'));
    } catch {
      return [];
    }
  }
}
