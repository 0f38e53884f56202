/** A build context that came as a tar: kept as a directory of the engine's until the build has ended. */
import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { cleanPath, release, topOf, ViewTree } from '../engine/archive/view-tree.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../errors/engine-error.ts';
import { plainArchive } from '../images/archive-plain.ts';
import { removeTree } from '../snapshots/remove-tree.ts';
import type { BuildContext, ContextTree } from './build-types.ts';
import { unpack } from './files/unpack-archive.ts';

/** Directories of one engine. Those that a crash left go before the first new one. */
const swept = new WeakMap<Engine, Promise<void>>();

async function newDirectory(engine: Engine): Promise<string> {
  const scratch = join(engine.config.dataRoot, 'build-contexts');
  let sweeping = swept.get(engine);
  if (sweeping === undefined) {
    sweeping = removeTree(engine.launcher, scratch).then(async () => {
      await mkdir(scratch, { recursive: true, mode: 0o700 });
    });
    swept.set(engine, sweeping);
  }
  await sweeping;
  return await mkdtemp(join(scratch, 'context-'));
}

/** The files of a directory that nobody changes any more. */
export class ReceivedContext implements BuildContext {
  readonly root: string;
  readonly #engine: Engine;

  private constructor(engine: Engine, root: string) {
    this.#engine = engine;
    this.root = root;
  }

  /**
   * Unpacks a tar (plain, gzip, bzip2, xz or zstd). EngineErrors: `invalid-argument` for what is none, `data-loss` for a broken one,
   * `resource-exhausted`, `cancelled`; nothing is left then.
   */
  static async ofTar(engine: Engine, archive: Readable, signal: AbortSignal): Promise<ReceivedContext> {
    const context = new ReceivedContext(engine, await newDirectory(engine));
    try {
      const plain = plainArchive(archive, engine.config.maxLayerExpansion);
      await unpack(plain, { launcher: engine.launcher, root: context.root, path: '/' }, signal);
      return context;
    } catch (error) {
      await context.close();
      throw error;
    }
  }

  async sync(): Promise<ContextTree> {
    return { root: this.root, release: async () => undefined };
  }

  async readFile(path: string, limit: number): Promise<Buffer | undefined> {
    const tree = new ViewTree(this.root);
    const located = tree.locate(cleanPath(path), true);
    try {
      const node = located.name === undefined ? undefined : topOf(located).openNode(located.name);
      if (node?.descriptor === undefined) return undefined;
      return readLimited(node.descriptor, path, limit);
    } finally {
      release(located);
      tree.root.release();
    }
  }

  async close(): Promise<void> {
    await removeTree(this.#engine.launcher, this.root);
  }
}

function readLimited(descriptor: number, path: string, limit: number): Buffer {
  try {
    if (fstatSync(descriptor).size > limit)
      throw new EngineError('resource-exhausted', `${path} is larger than ${limit} bytes`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
