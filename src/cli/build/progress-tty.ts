/** Progress in place, for terminals: each step with its time, the last lines of those that run, redrawn a few times a second. */
import { stripVTControlCharacters } from 'node:util';
import type { BuildLine } from '../../wire/build-session.ts';
import type { Output } from '../io.ts';
import { humanSize } from '../output/human.ts';
import type { DisplayOptions, ProgressDisplay } from './progress-display.ts';
import { type ProgressModel, type StepView, seconds } from './progress-model.ts';

/** Milliseconds between two drawings. */
const interval = 100;
/** Lines of a running step's output. */
const shownLines = 6;
/** Milliseconds that a step runs before its output is shown: what ends soon would only flicker. */
const quietTime = 500;

export interface TtyOptions extends DisplayOptions {
  /** Of the terminal; 0 where it is not known. */
  rows: () => number;
  now?: () => number;
}

export class TtyDisplay implements ProgressDisplay {
  readonly #model: ProgressModel;
  readonly #output: Pick<Output, 'write' | 'columns'>;
  readonly #options: TtyOptions;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  /** Rows that were drawn. */
  #drawn = 0;

  constructor(model: ProgressModel, output: Pick<Output, 'write' | 'columns'>, options: TtyOptions) {
    this.#model = model;
    this.#output = output;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#timer = setInterval(() => this.#draw(false), interval);
    this.#timer.unref();
  }

  take(line: BuildLine): void {
    this.#model.take(line);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#draw(true);
  }

  /** At the end all of it, and before that as much as the terminal has rows for. */
  #draw(isOver: boolean): void {
    const columns = this.#output.columns() || 80;
    const lines = this.#lines(isOver);
    const room = Math.max(4, (this.#options.rows() || 24) - 1);
    const shown =
      isOver || lines.length <= room ? lines : [lines[0] ?? '', ...lines.slice(lines.length - room + 1)];
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    const text = shown.map((line) => `\x1b[2K${fitted(line, columns)}\n`).join('');
    this.#output.write(`\x1b[?25l${up}\r${text}\x1b[J\x1b[?25h`);
    this.#drawn = shown.length;
  }

  #lines(isOver: boolean): string[] {
    const { steps, startedAt } = this.#model;
    const done = steps.filter(({ vertex }) => vertex.completedAt !== undefined).length;
    const state = isOver && done === steps.length ? ' FINISHED' : '';
    const head = `[+] Building ${seconds(this.#now() - startedAt)} (${done}/${steps.length})${state}`;
    return [head, ...steps.flatMap((step) => this.#stepLines(step, isOver))];
  }

  #stepLines(step: StepView, isOver: boolean): string[] {
    const { vertex } = step;
    const end = vertex.completedAt ?? this.#now();
    const took = vertex.startedAt === undefined ? '' : seconds(end - vertex.startedAt);
    const mark = vertex.error === undefined ? ' => ' : ' => ERROR ';
    const cached = vertex.isCached === true ? 'CACHED ' : '';
    const title = aligned(`${mark}${cached}${vertex.name}`, took, this.#output.columns() || 80);
    const why =
      this.#options.why && vertex.missReason !== undefined
        ? [` => => why not cached: ${vertex.missReason}`]
        : [];
    if (vertex.completedAt !== undefined || isOver) return [title, ...why];
    return [title, ...why, ...this.#partLines(step), ...this.#logLines(step)];
  }

  #partLines({ progress }: StepView): string[] {
    const open = [...progress.values()].filter(({ completedAt }) => completedAt === undefined);
    return open.map(({ name, current, total }) => {
      const size = total > 0 ? `${humanSize(current)} / ${humanSize(total)}` : humanSize(current);
      return ` => => ${name} ${current > 0 ? size : ''}`;
    });
  }

  #logLines({ vertex, lines, rest }: StepView): string[] {
    if (this.#now() - (vertex.startedAt ?? 0) < quietTime) return [];
    const texts = [...lines.map(({ text }) => text), ...(rest === '' ? [] : [rest])];
    return texts.slice(-shownLines).map((text) => ` => => # ${text}`);
  }
}

/** Text to the left, the time at the right edge. */
function aligned(left: string, right: string, columns: number): string {
  const room = columns - right.length - 1;
  const text = printable(left);
  const cut = text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text.padEnd(room);
  return `${cut} ${right}`;
}

function fitted(line: string, columns: number): string {
  const text = printable(line);
  return text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
}

/** What programs write may move the cursor, and would break the drawing. */
function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll('\t', '  ')
    .replace(/\p{Cc}/gu, '');
}
