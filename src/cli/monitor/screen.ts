/** The terminal as a canvas of lines: taken over, drawn where it changed, and given back as it was, however the program ends. */
import type { Output } from '../io.ts';
import { enterRawMode } from '../terminal/raw-mode.ts';

/** The other screen, no cursor, no wrapping of long lines. */
const takeOver = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const giveBack = '\x1b[?7h\x1b[?25h\x1b[?1049l';

export class Screen {
  readonly #output: Output;
  #restoreMode: (() => void) | undefined;
  #shown: string[] = [];
  readonly #onExit = () => this.close();

  constructor(output: Output) {
    this.#output = output;
  }

  get isOpen(): boolean {
    return this.#restoreMode !== undefined;
  }

  open(): void {
    if (this.isOpen) return;
    process.on('exit', this.#onExit);
    this.#restoreMode = enterRawMode();
    this.#shown = [];
    this.#output.write(takeOver);
  }

  /** Also when the process ends by itself, or by an error nobody caught. */
  close(): void {
    if (this.#restoreMode === undefined) return;
    const restore = this.#restoreMode;
    this.#restoreMode = undefined;
    process.off('exit', this.#onExit);
    try {
      this.#output.write(giveBack);
    } finally {
      restore();
    }
  }

  /** The next drawing draws everything. */
  forget(): void {
    this.#shown = [];
    if (this.isOpen) this.#output.write('\x1b[2J');
  }

  /** One string per row; only rows that differ are sent. */
  draw(lines: readonly string[]): void {
    if (!this.isOpen) return;
    const changes = lines.flatMap((line, row) =>
      this.#shown[row] === line ? [] : [`\x1b[${row + 1};1H\x1b[2K${line}\x1b[0m`],
    );
    const below = this.#shown.length > lines.length ? `\x1b[${lines.length + 1};1H\x1b[J` : '';
    this.#shown = [...lines];
    if (changes.length > 0 || below !== '') this.#output.write(changes.join('') + below);
  }
}
