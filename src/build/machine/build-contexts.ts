/** The files that a build reads: its contexts, brought here when the first step wants them. */
import type { BuildContext, BuildRequest, ContextTree } from '../build-types.ts';
import { ignoreFileNames, parseIgnoreFile } from '../dockerfile/ignore.ts';
import type { Progress } from './progress.ts';

/** Bytes that a Dockerfile or an ignore file may have. */
export const maxDocument = 16 * 1024 * 1024;

/** One build's. */
export class BuildContexts {
  readonly #request: BuildRequest;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  readonly #trees = new Map<string, Promise<ContextTree>>();
  #paths: readonly string[] | undefined;
  #ignore: Promise<string[]> | undefined;

  constructor(request: BuildRequest, progress: Progress, signal: AbortSignal) {
    this.#request = request;
    this.#progress = progress;
    this.#signal = signal;
  }

  /** What of the main context is needed; everything unless told. */
  want(paths: readonly string[] | undefined): void {
    this.#paths = paths;
  }

  /** Patterns of the main context's ignore file. */
  ignorePatterns(): Promise<string[]> {
    this.#ignore ??= this.#readIgnore();
    return this.#ignore;
  }

  /** The directory of a context; the main one is ''. */
  async tree(name: string): Promise<ContextTree> {
    const known = this.#trees.get(name);
    if (known !== undefined) return await known;
    const tree = this.#sync(name);
    tree.catch(() => undefined);
    this.#trees.set(name, tree);
    return await tree;
  }

  async close(): Promise<void> {
    const trees = await Promise.allSettled(this.#trees.values());
    await Promise.all(trees.map((tree) => (tree.status === 'fulfilled' ? tree.value.release() : undefined)));
  }

  #sync(name: string): Promise<ContextTree> {
    const step = {
      name: name === '' ? '[internal] load build context' : `[context ${name}] load from client`,
    };
    return this.#progress.step(step, async () => {
      const named = this.#request.namedContexts.get(name);
      const context =
        name === '' ? this.#request.context : named?.kind === 'files' ? named.context : undefined;
      if (context === undefined) throw new Error(`no context ${name}`);
      const ignore = name === '' ? await this.ignorePatterns() : await this.#ignoreOf(context);
      const paths = name === '' ? this.#paths : undefined;
      return await context.sync({ ignore, ...(paths === undefined ? {} : { paths }) }, this.#signal);
    });
  }

  async #ignoreOf(context: BuildContext): Promise<string[]> {
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
