/** What one RUN needs on the host beside its file system: a directory below the exec root, in memory as a rule, gone with the step. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';

type Roots = Pick<Engine['config'], 'execRoot'>;

/** Directory of all steps'. */
export function scratchRoot({ execRoot }: Roots): string {
  return join(execRoot, 'build');
}

/** Names are short: the path of a socket has no more than 107 bytes, the options of a mount no more than a page. */
export class StepScratch {
  readonly directory: string;
  #count = 0;
  readonly #closers: Array<() => Promise<void> | void> = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(roots: Roots): Promise<StepScratch> {
    const directory = join(scratchRoot(roots), randomBytes(4).toString('hex'));
    await mkdir(directory, { recursive: true, mode: 0o711 });
    return new StepScratch(directory);
  }

  /** A free path. */
  path(): string {
    this.#count += 1;
    return join(this.directory, this.#count.toString(36));
  }

  /** A short name for a path, without characters that mean something in a mount's options. */
  async link(target: string): Promise<string> {
    const path = this.path();
    await symlink(target, path);
    return path;
  }

  /** To be done at the end, in reverse order. */
  onClose(closer: () => Promise<void> | void): void {
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).toReversed()) await closer();
    await rm(this.directory, { recursive: true, force: true });
  }
}
