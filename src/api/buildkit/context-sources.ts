/** Contexts that have to be brought here as a whole before anything of them can be read. */
import type { Readable } from 'node:stream';
import type { BuildContext, ContextQuery, ContextTree } from '../../build/build-types.ts';
import { ReceivedContext } from '../../build/received-context.ts';
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { ContextSources } from './build-contexts.ts';

/** Fetched once, when something of it is first asked for. */
export class LateContext implements BuildContext {
  readonly #open: (signal: AbortSignal) => Promise<ReceivedContext>;
  #opened: Promise<ReceivedContext> | undefined;

  constructor(open: (signal: AbortSignal) => Promise<ReceivedContext>) {
    this.#open = open;
  }

  static ofArchive(engine: Engine, open: (signal: AbortSignal) => Promise<Readable>): LateContext {
    return new LateContext(async (signal) => ReceivedContext.ofTar(engine, await open(signal), signal));
  }

  async sync(_query: ContextQuery, signal: AbortSignal): Promise<ContextTree> {
    return await (await this.#context(signal)).sync();
  }

  async readFile(path: string, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
    return await (await this.#context(signal)).readFile(path, limit);
  }

  /** When the build has ended. */
  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.close();
  }

  #context(signal: AbortSignal): Promise<ReceivedContext> {
    this.#opened ??= this.#open(signal);
    return this.#opened;
  }
}

/** One build's, given back at its end. */
export class BuildSources {
  readonly #engine: Engine;
  readonly #opened: LateContext[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get openers(): ContextSources {
    return {
      archive: (open) => {
        const context = LateContext.ofArchive(this.#engine, open);
        this.#opened.push(context);
        return context;
      },
      remote: (url) => {
        throw new EngineError('not-implemented', `the context ${url} can't be fetched`);
      },
    };
  }

  async close(): Promise<void> {
    for (const context of this.#opened) await context.close();
  }
}
