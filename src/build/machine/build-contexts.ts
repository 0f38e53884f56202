/** The files that a build reads: its contexts, brought here when the first step wants them. */
import { EngineError } from '../../errors/engine-error.ts';
import { ignoreFileNames, parseIgnoreFile } from '../../util/patterns/ignore.ts';
import type { BuildContext, BuildRequest, ContextTree } from '../build-types.ts';
import type { Progress, StepVertex } from './progress.ts';
import type { StepFiles } from './step-files.ts';

/** Bytes that a Dockerfile or an ignore file may have. */
export const maxDocument = 16 * 1024 * 1024;

/** One build's. */
export class BuildContexts {
  readonly #request: BuildRequest;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  readonly #trees = new Map<string, Promise<ContextTree>>();
  readonly #ignores = new Map<string, Promise<string[]>>();
  readonly #openRemote: (url: string) => BuildContext;
  /** Trees of the main context that had less in them. */
  readonly #earlier: Array<Promise<ContextTree>> = [];
  #paths: readonly string[] | 'all' = [];
  #ignore: Promise<string[]> | undefined;

  constructor(
    request: BuildRequest,
    progress: Progress,
    openRemote: (url: string) => BuildContext,
    signal: AbortSignal,
  ) {
    this.#openRemote = openRemote;
    this.#request = request;
    this.#progress = progress;
    this.#signal = signal;
  }

  /** What of the main context is needed, too; everything where that is undefined. Where less was brought here already, it is asked for again. */
  want(paths: readonly string[] | undefined): void {
    const all =
      paths === undefined || this.#paths === 'all' ? 'all' : [...new Set([...this.#paths, ...paths])];
    if (all !== 'all' && this.#paths !== 'all' && all.length === this.#paths.length) return;
    if (all === 'all' && this.#paths === 'all') return;
    this.#paths = all;
    const tree = this.#trees.get('');
    if (tree === undefined) return;
    this.#trees.delete('');
    this.#earlier.push(tree);
  }

  /** Patterns of the main context's ignore file. */
  ignorePatterns(): Promise<string[]> {
    this.#ignore ??= this.#readIgnore();
    return this.#ignore;
  }

  /** The files of a context; the main one is ''. */
  async files(name: string): Promise<StepFiles> {
    const known = this.#trees.get(name) ?? this.#sync(name);
    known.catch(() => undefined);
    this.#trees.set(name, known);
    const [{ root }, ignore] = await Promise.all([known, this.#ignoreOf(name)]);
    return { tree: { kind: 'directory', root }, ignore };
  }

  async close(): Promise<void> {
    const trees = await Promise.allSettled([...this.#earlier, ...this.#trees.values()]);
    await Promise.all(trees.map((tree) => (tree.status === 'fulfilled' ? tree.value.release() : undefined)));
  }

  #sync(name: string): Promise<ContextTree> {
    const step = {
      name: name === '' ? '[internal] load build context' : `[context ${name}] load from client`,
    };
    return this.#progress.step(step, async (vertex) => {
      const context = this.#contextOf(name);
      const ignore = await this.#ignoreOf(name);
      const paths = name === '' && this.#paths !== 'all' ? this.#paths : undefined;
      const { onProgress, end } = transferOf(vertex);
      const query = { ignore, onProgress, ...(paths === undefined ? {} : { paths }) };
      const tree = await context.sync(query, this.#signal);
      end();
      return tree;
    });
  }

  #contextOf(name: string): BuildContext {
    if (name === '') return this.#request.context;
    const named = this.#request.namedContexts.get(name);
    if (named?.kind === 'files') return named.context;
    if (named?.kind === 'remote') return this.#openRemote(named.url);
    throw new EngineError('not-implemented', `the context ${name} is of a kind that can't be read as files`, {
      hint: 'give a directory, an image (docker-image://NAME), or the address of a repository',
    });
  }

  #ignoreOf(name: string): Promise<string[]> {
    if (name === '') return this.ignorePatterns();
    const known = this.#ignores.get(name) ?? this.#readOwnIgnore(this.#contextOf(name));
    this.#ignores.set(name, known);
    known.catch(() => undefined);
    return known;
  }

  async #readOwnIgnore(context: BuildContext): Promise<string[]> {
    const data = await context.readFile('.dockerignore', maxDocument, this.#signal);
    return data === undefined ? [] : parseIgnoreFile(data.toString('utf8'));
  }

  async #readIgnore(): Promise<string[]> {
    const { dockerfileContext, context, dockerfileName } = this.#request;
    return await this.#progress.step({ name: '[internal] load .dockerignore' }, async () => {
      const [own = '', shared = ''] = ignoreFileNames(dockerfileName);
      const data =
        (await (dockerfileContext ?? context).readFile(own, maxDocument, this.#signal)) ??
        (await context.readFile(shared, maxDocument, this.#signal));
      return data === undefined ? [] : parseIgnoreFile(data.toString('utf8'));
    });
  }
}

/** How often a transfer is told of. */
const tellMs = 100;

/** Tells how much of a context has come, where anything had to. */
function transferOf(vertex: StepVertex): { onProgress: (bytes: number) => void; end: () => void } {
  const startedAt = Date.now();
  const part = { id: 'transferring context:', name: 'transferring context:', total: 0, startedAt };
  let current = 0;
  let toldAt = startedAt;
  return {
    onProgress: (bytes) => {
      current = bytes;
      if (Date.now() - toldAt < tellMs) return;
      toldAt = Date.now();
      vertex.progress({ ...part, current });
    },
    end: () => {
      if (current > 0) vertex.progress({ ...part, current, completedAt: Date.now() });
    },
  };
}
