/** Progress as lines that stay, for logs: `#5 [2/3] RUN make`, `#5 0.123 output`, `#5 DONE 0.5s`. */
import type { BuildLine } from '../../wire/build-session.ts';
import type { Output } from '../io.ts';
import { humanSize } from '../output/human.ts';
import type { DisplayOptions, ProgressDisplay } from './progress-display.ts';
import { type LogLine, type ProgressModel, type StepView, seconds } from './progress-model.ts';

export class PlainDisplay implements ProgressDisplay {
  readonly model: ProgressModel;
  readonly #output: Pick<Output, 'write'>;
  readonly #options: DisplayOptions;
  /** Whose lines were written last. */
  #current: StepView | undefined;
  readonly #ended = new Set<StepView>();

  constructor(model: ProgressModel, output: Pick<Output, 'write'>, options: DisplayOptions) {
    this.model = model;
    this.#output = output;
    this.#options = options;
  }

  take(line: BuildLine): void {
    const { step, logs } = this.model.take(line);
    if (step === undefined) return;
    if ('vertex' in line) this.#vertex(step);
    else if ('progress' in line) this.#progress(step, line.progress.id);
    else for (const log of logs) this.#log(log);
  }

  end(): void {
    this.#current = undefined;
  }

  #vertex(step: StepView): void {
    const { vertex } = step;
    if (vertex.completedAt === undefined) {
      this.#turnTo(step);
      return;
    }
    if (this.#ended.has(step)) return;
    this.#ended.add(step);
    for (const log of this.model.flush(step, vertex.completedAt)) this.#log(log);
    this.#turnTo(step);
    if (this.#options.why && vertex.missReason !== undefined)
      this.#say(step, `WHY not cached: ${vertex.missReason}`);
    this.#say(step, endOf(step));
    this.#output.write('\n');
    this.#current = undefined;
  }

  /** Its size, once it is complete. */
  #progress(step: StepView, id: string): void {
    const part = step.progress.get(id);
    if (part?.completedAt === undefined || part.completedAt === 0) return;
    this.#turnTo(step);
    const took = part.startedAt === undefined ? '' : ` ${seconds(part.completedAt - part.startedAt)}`;
    const size = part.current > 0 ? ` ${humanSize(part.current)}` : '';
    this.#say(step, `${part.name}${size}${took} done`);
  }

  #log({ step, text, at }: LogLine): void {
    this.#turnTo(step);
    const since = (at - (step.vertex.startedAt ?? at)) / 1000;
    this.#say(step, `${since.toFixed(3)} ${text}`);
  }

  /** Another step's lines begin with its name. */
  #turnTo(step: StepView): void {
    if (this.#current === step) return;
    if (this.#current !== undefined) this.#output.write(`#${this.#current.number} ...\n\n`);
    this.#current = step;
    this.#say(step, step.vertex.name);
  }

  #say(step: StepView, text: string): void {
    this.#output.write(`#${step.number} ${text}\n`);
  }
}

function endOf({ vertex }: StepView): string {
  if (vertex.error !== undefined) return `ERROR: ${vertex.error}`;
  if (vertex.isCached === true) return 'CACHED';
  return `DONE ${seconds((vertex.completedAt ?? 0) - (vertex.startedAt ?? vertex.completedAt ?? 0))}`;
}
