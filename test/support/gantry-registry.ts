/** A gantry-registry of a test's own, as a process: started, killed, started again on the same port and storage. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './registry.ts';

export interface GantryRegistryOptions {
  /** Sections of the configuration file besides storage and http, e.g. `{ gantry: { gc: { … } } }`. */
  config?: Record<string, unknown>;
  /** Further keys of the section `http`. */
  http?: Record<string, unknown>;
}

const program = 'dist/gantry-registry.js';

export class GantryRegistry {
  readonly directory: string;
  readonly port: number;
  /** As it stands in references. */
  readonly host: string;
  readonly url: string;
  #child: ChildProcess | undefined;

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
    this.host = `127.0.0.1:${port}`;
    this.url = `http://${this.host}`;
  }

  /** Starts one on a free port of 127.0.0.1. Call `close` in the end. */
  static async start(options: GantryRegistryOptions = {}): Promise<GantryRegistry> {
    if (!existsSync(program)) throw new Error(`${program} is missing: run scripts/build.sh`);
    const directory = await mkdtemp(join(tmpdir(), 'gantry-own-registry-'));
    const registry = new GantryRegistry(directory, await freePort());
    const config = {
      version: '0.1',
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: registry.storage }, delete: { enabled: true } },
      http: { addr: registry.host, draintimeout: '1s', ...options.http },
      ...options.config,
    };
    // YAML takes JSON.
    writeFileSync(registry.configFile, JSON.stringify(config));
    await registry.launch();
    return registry;
  }

  get storage(): string {
    return join(this.directory, 'data');
  }

  get configFile(): string {
    return join(this.directory, 'config.yml');
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the registry does not run');
    return this.#child.pid;
  }

  log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  /** Starts the process (again) and waits until it answers. */
  async launch(): Promise<void> {
    const log = openSync(join(this.directory, 'log'), 'a');
    const child = spawn(process.execPath, [program, 'serve', this.configFile], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    for (let waited = 0; waited < 15_000; waited += 20) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      const answer = await fetch(`${this.url}/v2/`).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok === true) return;
      await sleep(20);
    }
    throw new Error(`gantry-registry did not answer; its log:\n${this.log()}`);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** SIGKILL, as a crash. */
  kill9(): Promise<void> {
    return this.#end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async close(): Promise<void> {
    await this.kill9();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
