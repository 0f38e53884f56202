/** A real terminal for tests: tmux with a server of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export class Terminal {
  readonly #server: string;

  constructor(
    name: string,
    command: string,
    size: { columns: number; rows: number } = { columns: 80, rows: 24 },
  ) {
    this.#server = `gantry-test-${process.pid}-${name}`;
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-x',
      String(size.columns),
      '-y',
      String(size.rows),
      command,
    );
    this.#tmux('set-option', '-g', 'remain-on-exit', 'on');
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#server, ...args], {
      env: { ...process.env, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' },
    }).toString();
  }

  /** Types text as it is. */
  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  /** Presses keys by tmux's names: `Enter`, `C-c`, `C-p`. */
  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  screen(): string {
    return this.#tmux('capture-pane', '-p', '-J');
  }

  /** Waits until the screen matches; throws with the screen where it does not within the time. */
  async until(pattern: RegExp, milliseconds = 15_000): Promise<string> {
    for (let waited = 0; waited < milliseconds; waited += 50) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      await sleep(50);
    }
    throw new Error(`the screen never matched ${pattern}:\n${this.screen()}`);
  }

  /** Ends the server and what runs in it. */
  close(): void {
    spawnSync('tmux', ['-L', this.#server, 'kill-server'], { stdio: 'ignore' });
  }
}

export const hasTmux = spawnSync('tmux', ['-V']).status === 0;
