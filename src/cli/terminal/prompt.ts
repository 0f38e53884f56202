/** Asks for lines on the terminal: shown while they are typed, or hidden. */
import { spawnSync } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Io } from '../io.ts';

/** Reads one line after another; `close` leaves the rest of the input alone. */
export class Prompter {
  readonly #io: Io;
  #input: Readable | undefined;
  #pending = '';
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  /** What was typed, without the end of the line. */
  ask(question: string): Promise<string> {
    this.#io.stdout.write(question);
    return this.#readLine();
  }

  /** The same, without showing it. The terminal's own keys (backspace, Ctrl-C) work as ever. */
  async askHidden(question: string): Promise<string> {
    // Hidden first: whoever sees the question may type at once.
    const show = hideInput();
    try {
      this.#io.stdout.write(question);
      return await this.#readLine();
    } finally {
      show();
      this.#io.stdout.write('\n');
    }
  }

  close(): void {
    this.#input?.pause();
  }

  async #readLine(): Promise<string> {
    const input = this.#open();
    while (!this.#pending.includes('\n') && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      input.resume();
      await promise;
    }
    input.pause();
    const end = this.#pending.indexOf('\n');
    const line = end < 0 ? this.#pending : this.#pending.slice(0, end);
    this.#pending = end < 0 ? '' : this.#pending.slice(end + 1);
    return line.replace(/\r$/, '');
  }

  #open(): Readable {
    if (this.#input !== undefined) return this.#input;
    const input = this.#io.stdin.open();
    const utf8 = new TextDecoder();
    input.on('data', (chunk: Buffer) => {
      this.#pending += utf8.decode(chunk, { stream: true });
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      input.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
    this.#input = input;
    return input;
  }
}

/** Turns the echo off, until what it gives back is called, or an interrupt ends the program. */
function hideInput(): () => void {
  const show = () => {
    process.off('SIGINT', interrupt);
    process.off('exit', show);
    stty('echo');
  };
  const interrupt = () => {
    show();
    process.stdout.write('\n');
    process.exit(130);
  };
  stty('-echo');
  process.on('SIGINT', interrupt);
  process.on('exit', show);
  return show;
}

function stty(word: string): void {
  spawnSync('stty', [word], { stdio: ['inherit', 'ignore', 'ignore'] });
}
