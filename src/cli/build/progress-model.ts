/** What is known of a build while it goes on, for the displays: its steps in the order in which they came up, their output, their warnings. */
import { StringDecoder } from 'node:string_decoder';
import type { BuildLine, WireVertex, WireWarning } from '../../wire/build-session.ts';

export interface StepProgress {
  id: string;
  name: string;
  current: number;
  total: number;
  startedAt?: number | undefined;
  completedAt?: number | undefined;
}

export interface StepView {
  /** From 1. */
  number: number;
  vertex: WireVertex;
  /** By ID. */
  progress: Map<string, StepProgress>;
  /** Whole lines of the output, the last ones. */
  lines: Array<{ text: string; at: number }>;
  /** Of a line that has not ended. */
  rest: string;
}

/** Lines of a step that are kept for a display and for the error. */
const keptLines = 200;

export interface LogLine {
  step: StepView;
  text: string;
  /** Milliseconds since 1970. */
  at: number;
}

export class ProgressModel {
  readonly steps: StepView[] = [];
  readonly warnings: WireWarning[] = [];
  readonly startedAt: number;
  readonly #byDigest = new Map<string, StepView>();
  readonly #decoders = new Map<string, StringDecoder>();

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  /** The step that the line is about, and the whole lines of output that it has brought. */
  take(line: BuildLine): { step: StepView | undefined; logs: LogLine[] } {
    if ('vertex' in line) return { step: this.#vertex(line.vertex), logs: [] };
    if ('warning' in line) this.warnings.push(line.warning);
    if ('progress' in line) {
      const step = this.#byDigest.get(line.progress.vertex);
      const { vertex, ...progress } = line.progress;
      step?.progress.set(progress.id, progress);
      return { step, logs: [] };
    }
    if ('log' in line) return this.#log(line.log);
    return { step: undefined, logs: [] };
  }

  step(digest: string | undefined): StepView | undefined {
    return digest === undefined ? undefined : this.#byDigest.get(digest);
  }

  #vertex(vertex: WireVertex): StepView {
    const known = this.#byDigest.get(vertex.digest);
    if (known !== undefined) {
      known.vertex = vertex;
      return known;
    }
    const step: StepView = {
      number: this.steps.length + 1,
      vertex,
      progress: new Map(),
      lines: [],
      rest: '',
    };
    this.steps.push(step);
    this.#byDigest.set(vertex.digest, step);
    return step;
  }

  #log({ vertex, stream, data, at }: Extract<BuildLine, { log: unknown }>['log']): {
    step: StepView | undefined;
    logs: LogLine[];
  } {
    const step = this.#byDigest.get(vertex);
    if (step === undefined) return { step, logs: [] };
    const key = `${vertex} ${stream}`;
    const decoder = this.#decoders.get(key) ?? new StringDecoder('utf8');
    this.#decoders.set(key, decoder);
    const lines = (step.rest + decoder.write(Buffer.from(data, 'base64'))).split('\n');
    step.rest = lines.pop() ?? '';
    const logs = lines.map((text) => ({ step, text: plainText(text), at }));
    step.lines.push(...logs.map(({ text }) => ({ text, at })));
    if (step.lines.length > keptLines) step.lines.splice(0, step.lines.length - keptLines);
    return { step, logs };
  }

  /** The last line of a step's output, where it does not end with a line feed. */
  flush(step: StepView, at: number): LogLine[] {
    if (step.rest === '') return [];
    const text = plainText(step.rest);
    step.rest = '';
    step.lines.push({ text, at });
    return [{ step, text, at }];
  }
}

/** What stands behind the last carriage return: progress bars redraw themselves. */
function plainText(line: string): string {
  const text = line.replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1);
}

/** `1.2s`, `62.0s`: as Docker's client writes them. */
export function seconds(milliseconds: number): string {
  return `${(Math.max(0, milliseconds) / 1000).toFixed(1)}s`;
}
