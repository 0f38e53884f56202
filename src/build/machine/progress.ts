/** What a build tells while it goes on: its steps as vertices, their output, their progress. */
import { createHash } from 'node:crypto';
import { messageOf } from '../../errors/engine-error.ts';
import type { BuildEvent, BuildVertex } from '../build-types.ts';
import type { StepReport } from '../built-image.ts';

export interface VertexInput {
  name: string;
  /** What tells it apart from others of the same name. */
  identity?: string;
  inputs?: readonly string[];
  lines?: readonly [number, number];
}

export interface StepVertex extends StepReport {
  output(stream: 1 | 2, data: Buffer): void;
  cached(): void;
  missed(reason: string): void;
}

export class Progress {
  readonly #onEvent: (event: BuildEvent) => void;

  constructor(onEvent: (event: BuildEvent) => void) {
    this.#onEvent = onEvent;
  }

  digestOf({ name, identity }: VertexInput): string {
    return `sha256:${createHash('sha256')
      .update(`${name}\0${identity ?? ''}`)
      .digest('hex')}`;
  }

  /** Runs `work` as a step: its start, its end, and what it failed with, are told. */
  async step<T>(input: VertexInput, work: (vertex: StepVertex) => Promise<T>): Promise<T> {
    const vertex: BuildVertex = {
      digest: this.digestOf(input),
      name: input.name,
      inputs: input.inputs ?? [],
      startedAt: Date.now(),
      ...(input.lines === undefined ? {} : { lines: input.lines }),
    };
    this.#tell(vertex);
    try {
      const result = await work(this.#handle(vertex));
      this.#tell({ ...vertex, completedAt: Date.now() });
      return result;
    } catch (error) {
      this.#tell({ ...vertex, completedAt: Date.now(), error: messageOf(error) });
      throw error;
    }
  }

  warning(warning: Omit<Extract<BuildEvent, { kind: 'warning' }>, 'kind'>): void {
    this.#onEvent({ kind: 'warning', ...warning });
  }

  #handle(vertex: BuildVertex): StepVertex {
    const log = (stream: 1 | 2, data: Buffer): void =>
      this.#onEvent({ kind: 'log', vertex: vertex.digest, stream, data, at: Date.now() });
    return {
      vertex: vertex.digest,
      output: log,
      log: (text) => log(1, Buffer.from(text)),
      progress: (part) => this.#onEvent({ kind: 'progress', vertex: vertex.digest, ...part }),
      cached: () => {
        vertex.isCached = true;
      },
      missed: (reason) => {
        vertex.missReason = reason;
      },
    };
  }

  #tell(vertex: BuildVertex): void {
    this.#onEvent({ kind: 'vertex', vertex: { ...vertex } });
  }
}
