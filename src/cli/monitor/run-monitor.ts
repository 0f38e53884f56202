/** Runs the monitor in the terminal, and leaves the terminal as it was, whatever ends it. */
import type { Readable } from 'node:stream';
import { exec } from '../commands/container/exec.ts';
import type { Context } from '../context.ts';
import { decodeKeys } from './keys.ts';
import { Monitor, type MonitorOptions, size } from './monitor.ts';
import { Screen } from './screen.ts';

/** Milliseconds between two drawings: what comes together is drawn together. */
const drawInterval = 50;

const shell = ['sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash || exec sh'];

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3 } as const;

/** Gives the exit code: 0 for `q` and Ctrl-C, 128 + n after signal n. */
export async function runMonitor(
  context: Context,
  options: Pick<MonitorOptions, 'all' | 'filters' | 'sort'>,
): Promise<number> {
  const session = new MonitorSession(context, options);
  return await session.run();
}

class MonitorSession {
  readonly #context: Context;
  readonly #screen: Screen;
  readonly #monitor: Monitor;
  readonly #input: Readable;
  readonly #ended = Promise.withResolvers<number>();
  #timer: NodeJS.Timeout | undefined;
  readonly #onData = (data: Buffer | string) => this.#press(String(data));
  readonly #onResize = () => {
    this.#screen.forget();
    this.#drawSoon();
  };

  constructor(context: Context, options: Pick<MonitorOptions, 'all' | 'filters' | 'sort'>) {
    this.#context = context;
    this.#screen = new Screen(context.io.stdout);
    this.#input = context.io.stdin.open();
    this.#monitor = new Monitor(context, {
      ...options,
      changed: () => this.#drawSoon(),
      enter: (container) => this.#enter(container),
    });
  }

  async run(): Promise<number> {
    const ends = endings.map((signal) => {
      const end = () => this.#ended.resolve(128 + numbers[signal]);
      process.on(signal, end);
      return () => process.off(signal, end);
    });
    process.on('SIGWINCH', this.#onResize);
    try {
      this.#takeOver();
      this.#monitor.feed.start();
      return await this.#ended.promise;
    } finally {
      this.#monitor.close();
      this.#giveBack();
      clearTimeout(this.#timer);
      process.off('SIGWINCH', this.#onResize);
      for (const off of ends) off();
    }
  }

  #takeOver(): void {
    this.#screen.open();
    this.#input.on('data', this.#onData);
    this.#input.once('end', () => this.#ended.resolve(0));
    this.#input.resume();
    this.#drawSoon();
  }

  #giveBack(): void {
    this.#input.off('data', this.#onData);
    this.#input.pause();
    this.#screen.close();
  }

  #press(data: string): void {
    for (const key of decodeKeys(data)) {
      if (key === 'ctrl-l') this.#screen.forget();
      else if (this.#monitor.press(key)) this.#ended.resolve(0);
    }
    this.#drawSoon();
  }

  #drawSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#screen.draw(this.#monitor.draw(size()));
    }, drawInterval);
  }

  /** The shell has the terminal to itself until it ends. */
  async #enter(container: string): Promise<void> {
    this.#giveBack();
    try {
      await exec.prepare(['-it', container, ...shell]).run(this.#context);
    } finally {
      this.#takeOver();
    }
  }
}
