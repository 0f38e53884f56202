/** Shows the progress of pulls and loads: lines in place with bars on a terminal, plain lines elsewhere. */
import { checkProgress } from '../../client/progress-stream.ts';
import type { ProgressMessage } from '../../wire/progress-message.ts';
import type { Output } from '../io.ts';
import { humanSize } from './human.ts';

/** Takes the messages of one stream one by one. */
export class ProgressDisplay {
  readonly #output: Output;
  /** Layer IDs in the order of their lines. */
  #lines = new Map<string, number>();

  constructor(output: Output) {
    this.#output = output;
  }

  /** EngineError `internal` with the message's own text for an error in the stream. */
  show(message: ProgressMessage): void {
    checkProgress(message);
    if (message.aux !== undefined) return;
    const up = this.#linesUp(message);
    const text = this.#output.isTerminal
      ? renderOnTerminal(message, this.#output.columns())
      : renderPlain(message);
    const down = up > 0 ? `\x1b[${up}B` : '';
    const move = up > 0 ? `\x1b[${up}A` : '';
    if (text !== '') this.#output.write(move + text + (message.id === undefined ? '' : down));
  }

  /** How far above the cursor the message's line is; a new one is begun where it has none. */
  #linesUp(message: ProgressMessage): number {
    const inPlace =
      message.id !== undefined &&
      message.id !== '' &&
      (message.progressDetail !== undefined || message.progress);
    if (!inPlace || message.id === undefined) {
      this.#lines.clear();
      return 0;
    }
    let line = this.#lines.get(message.id);
    if (line === undefined) {
      line = this.#lines.size;
      this.#lines.set(message.id, line);
      if (this.#output.isTerminal) this.#output.write('\n');
    }
    return this.#output.isTerminal ? this.#lines.size - line : 0;
  }
}

function renderOnTerminal(message: ProgressMessage, columns: number): string {
  if (message.stream !== undefined) return message.stream;
  const prefix = message.id === undefined || message.id === '' ? '' : `${message.id}: `;
  if (message.progressDetail === undefined) return `${prefix}${message.status ?? ''}\n`;
  return `\x1b[2K\r${prefix}${message.status ?? ''} ${progressBar(message.progressDetail, columns)}\r`;
}

function renderPlain(message: ProgressMessage): string {
  if (message.progressDetail !== undefined && progressBar(message.progressDetail, 200) !== '') return '';
  if (message.stream !== undefined) return message.stream;
  const prefix = message.id === undefined || message.id === '' ? '' : `${message.id}: `;
  return `${prefix}${message.status ?? ''}\n`;
}

/** `[=====>      ]  1.5MB/3MB`; only the numbers where there is little room, '' where nothing is known. */
export function progressBar(detail: { current?: number; total?: number }, columns: number): string {
  const { current = 0, total = 0 } = detail;
  if (current <= 0 && total <= 0) return '';
  if (total <= 0) return humanSize(current).padStart(8);
  const filled = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const bar = columns > 110 || columns === 0 ? `[${'='.repeat(filled)}>${' '.repeat(50 - filled)}] ` : '';
  const numbers =
    current > total
      ? humanSize(current).padStart(8)
      : `${humanSize(current).padStart(8)}/${humanSize(total)}`;
  return bar + numbers;
}
