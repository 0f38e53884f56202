/** The registry as a program of a test's own: any configuration, variables and flags; its log, its access log and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, runProgram } from './daemon.ts';

const program = 'dist/gantry-registry.js';

export interface RegistryProcessOptions {
  /** Sections beside storage and http. */
  config?: Record<string, unknown>;
  http?: Record<string, unknown>;
  storage?: Record<string, unknown>;
  env?: Record<string, string>;
  /** Where another one's files are. */
  directory?: string;
}

export class RegistryProcess {
  readonly directory: string;
  /** `127.0.0.1:PORT`. */
  host = '';
  log = '';
  accessLog = '';
  readonly #options: RegistryProcessOptions;
  #child: ChildProcess | undefined;

  private constructor(options: RegistryProcessOptions) {
    this.#options = options;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), 'gantry-registry-program-'));
    this.configure({});
  }

  /** Starts one on a port that the kernel chooses. Call `close` in the end. */
  static async start(options: RegistryProcessOptions = {}): Promise<RegistryProcess> {
    if (!existsSync(program)) throw new Error(`${program} is missing: run scripts/build.sh`);
    const registry = new RegistryProcess(options);
    await registry.launch();
    return registry;
  }

  get root(): string {
    return join(this.directory, 'data');
  }

  get configFile(): string {
    return join(this.directory, 'config.yml');
  }

  get scheme(): 'http' | 'https' {
    return this.#options.http?.['tls'] === undefined ? 'http' : 'https';
  }

  get url(): string {
    return `${this.scheme}://${this.host}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Writes the configuration, with further sections. */
  configure(more: Record<string, unknown>): void {
    const { config, http, storage } = this.#options;
    const whole = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: this.root }, delete: { enabled: true }, ...storage },
      // The port stays over a new start.
      http: { addr: this.host || '127.0.0.1:0', ...http },
      ...config,
      ...more,
    };
    // YAML takes JSON.
    writeFileSync(this.configFile, JSON.stringify(whole));
  }

  async launch(): Promise<void> {
    const child = spawn(process.execPath, [program, 'serve', this.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#options.env },
    });
    this.#child = child;
    const mark = this.log.length;
    child.stderr.on('data', (data: Buffer) => {
      this.log += data.toString();
    });
    child.stdout.on('data', (data: Buffer) => {
      this.accessLog += data.toString();
    });
    const line = await this.until(/"listening on ([^"]+)"/, mark);
    this.host = line[1] ?? '';
  }

  /** Waits until the log, from `from` on, has what matches. */
  async until(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    for (let waited = 0; waited < 10_000; waited += 10) {
      const found = pattern.exec(this.log.slice(from));
      if (found !== null) return found;
      if (this.hasEnded) break;
      await sleep(10);
    }
    throw new Error(`the log does not say ${pattern}:\n${this.log}`);
  }

  /** Waits until the access log has what matches: a line is written once its answer has gone. */
  async untilAnswered(pattern: RegExp): Promise<void> {
    for (let waited = 0; waited < 5000 && !pattern.test(this.accessLog); waited += 10) await sleep(10);
    if (!pattern.test(this.accessLog)) throw new Error(`the access log lacks ${pattern}:\n${this.accessLog}`);
  }

  get hasEnded(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Waits for the end and gives the exit status. */
  async ended(): Promise<number | NodeJS.Signals> {
    const child = this.#child;
    if (child === undefined) throw new Error('the registry does not run');
    if (!this.hasEnded) await once(child, 'exit');
    return child.exitCode ?? child.signalCode ?? -1;
  }

  /** Runs another command of the program with this one's configuration, e.g. `garbage-collect`. */
  command(...words: string[]): Promise<CommandResult> {
    return runProgram([process.execPath, program, ...words, this.configFile]);
  }

  async close(): Promise<void> {
    if (!this.hasEnded) this.signal('SIGKILL');
    if (this.#child !== undefined) await this.ended();
    if (this.#options.directory === undefined) rmSync(this.directory, { recursive: true, force: true });
  }
}
