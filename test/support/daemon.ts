/** A gantryd of a test's own: its data root, exec root, socket, bridge, subnet, nft table and cgroup parent are nobody else's. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxArchive } from './image-fixtures.ts';
import { dropIptablesRules } from './iptables-clean.ts';

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Buffer;
  /** Milliseconds; 60,000 unless told. */
  timeout?: number;
  env?: Record<string, string>;
}

let counter = 0;

/** Runs a program to its end, never rejecting for its exit code. */
export function runProgram(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...options.env } });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 60_000);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString();
      resolve({
        code: code ?? (signal === 'SIGKILL' ? 137 : 255),
        stdout: text(stdout),
        stderr: text(stderr),
      });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Where the stock docker CLI is, or undefined where this host has none. */
export const dockerCli = ['/usr/local/bin/docker', '/usr/bin/docker'].find((path) => existsSync(path));

export interface TestDaemonOptions {
  /** Further flags of gantryd. */
  flags?: readonly string[];
  /** Further listeners, e.g. `tcp://127.0.0.1:0`. */
  hosts?: readonly string[];
  /** Content of daemon.json. */
  config?: Record<string, unknown>;
  /** Load the busybox image (default true). */
  busybox?: boolean;
  /** Name of a network namespace to run in. */
  netns?: string;
}

export class TestDaemon {
  readonly root = mkdtempSync(join(tmpdir(), 'gantry-test-'));
  readonly socket = join(this.root, 'gantry.sock');
  readonly host = `unix://${this.socket}`;
  readonly name: string;
  readonly bridge: string;
  readonly nftTable: string;
  readonly cgroupParent: string;
  readonly subnet: string;
  /** Which command line `docker` and `ok` run: the stock one, or `bin/gantry`. */
  client = dockerCli ?? 'bin/gantry';
  readonly #options: TestDaemonOptions;
  #child: ChildProcess | undefined;

  private constructor(options: TestDaemonOptions) {
    this.#options = options;
    counter += 1;
    this.name = `gt${process.pid.toString(36)}${counter.toString(36)}`;
    this.bridge = this.name;
    this.nftTable = `gantry_test_${this.name}`;
    this.cgroupParent = `/gantry-test-${this.name}`;
    this.subnet = `10.${180 + (process.pid % 60)}.${((process.pid >> 6) + counter - 1) % 250}.1/24`;
  }

  /** Starts one, with a busybox image loaded unless told otherwise. Call `close` in the end. */
  static async start(options: TestDaemonOptions = {}): Promise<TestDaemon> {
    const daemon = new TestDaemon(options);
    try {
      await daemon.launch();
      if (options.busybox !== false) await daemon.loadBusybox();
      return daemon;
    } catch (error) {
      await daemon.close();
      throw error;
    }
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the daemon does not run');
    return this.#child.pid;
  }

  get dataRoot(): string {
    return join(this.root, 'data');
  }

  get execRoot(): string {
    return join(this.root, 'exec');
  }

  get configFile(): string {
    return join(this.root, 'daemon.json');
  }

  #flags(): string[] {
    const pairs = [
      ['--data-root', this.dataRoot],
      ['--exec-root', this.execRoot],
      ['--pidfile', join(this.root, 'pid')],
      ['--config-file', this.configFile],
      ['--bridge', this.bridge],
      ['--bip', this.subnet],
      ['--nft-table', this.nftTable],
      ['--cgroup-parent', this.cgroupParent],
      ...[this.host, ...(this.#options.hosts ?? [])].map((host) => ['--host', host]),
    ];
    return [...pairs.flat(), ...(this.#options.flags ?? [])];
  }

  /** Starts the process (again) and waits until it answers. */
  async launch(): Promise<void> {
    if (!existsSync(this.configFile))
      writeFileSync(this.configFile, JSON.stringify(this.#options.config ?? {}));
    const log = openSync(join(this.root, 'log'), 'a');
    const { netns } = this.#options;
    const inside = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`];
    const [program = '', ...args] = [...inside, process.execPath, 'dist/gantryd.js', ...this.#flags()];
    const child = spawn(program, args, {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    for (let waited = 0; waited < 15_000; waited += 10) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      if (existsSync(this.socket) && (await this.ping())) return;
      await sleep(10);
    }
    throw new Error(`gantryd did not answer; its log:\n${this.log()}`);
  }

  ping(): Promise<boolean> {
    return new Promise((resolve) => {
      const probe = request({ socketPath: this.socket, path: '/_ping' }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      probe.on('error', () => resolve(false));
      probe.end();
    });
  }

  async loadBusybox(): Promise<void> {
    const loaded = await this.docker(['load'], { input: archiveOnce() });
    if (loaded.code !== 0) throw new Error(`cannot load busybox: ${loaded.stderr}${this.log()}`);
  }

  log(): string {
    return readFileSync(join(this.root, 'log'), 'utf8');
  }

  /** Argument vector of the command line against this daemon. */
  dockerArgv(args: readonly string[]): string[] {
    return [this.client, '-H', this.host, ...args];
  }

  docker(args: readonly string[], options?: RunOptions): Promise<CommandResult> {
    return runProgram(this.dockerArgv(args), options);
  }

  gantry(args: readonly string[], options?: RunOptions): Promise<CommandResult> {
    return runProgram(['bin/gantry', '-H', this.host, ...args], options);
  }

  /** Runs docker and returns what it printed, trimmed; throws where it failed. */
  async ok(args: readonly string[], options?: RunOptions): Promise<string> {
    const result = await this.docker(args, options);
    if (result.code !== 0)
      throw new Error(`docker ${args.join(' ')}: exit ${result.code}\n${result.stderr}${result.stdout}`);
    return result.stdout.trim();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  /** SIGKILL, as a crash. Containers stay. */
  kill9(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** SIGTERM. Containers stay. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  hangUp(): void {
    this.#child?.kill('SIGHUP');
  }

  async removeAll(): Promise<void> {
    const ids = (await this.docker(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await this.docker(['rm', '-f', ...ids]);
  }

  /** Removes containers, daemon, bridge, table, cgroups and folders. */
  async close(): Promise<void> {
    if (this.#child?.exitCode !== null || this.#child?.signalCode !== null)
      await this.launch().catch(() => {});
    await this.removeAll();
    await this.stop();
    for (const bridge of [this.bridge, ...this.#bridges()])
      spawnSync('ip', ['link', 'delete', bridge], { stdio: 'ignore' });
    for (const family of ['inet', 'ip', 'ip6', 'bridge'])
      spawnSync('nft', ['delete', 'table', family, this.nftTable], { stdio: 'ignore' });
    if (this.#options.config?.['firewall-backend'] === 'iptables') dropIptablesRules(this.nftTable);
    rmSync(this.root, { recursive: true, force: true });
  }

  /** The bridges of networks that it made. */
  #bridges(): string[] {
    return readdirSync('/sys/class/net').filter((name) => {
      const alias = `/sys/class/net/${name}/ifalias`;
      return existsSync(alias) && readFileSync(alias, 'utf8').trim() === `gantry:${this.nftTable}`;
    });
  }
}

let archive: Buffer | undefined;

function archiveOnce(): Buffer {
  archive ??= busyboxArchive();
  return archive;
}
