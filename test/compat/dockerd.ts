/** Debian's dockerd, unpacked but not installed, in a network namespace of its own: what Gantry is compared with. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const netns = 'gantry-compat';

export class Dockerd {
  readonly root: string;
  readonly socket: string;
  readonly #child: ChildProcess;

  private constructor(root: string, child: ChildProcess) {
    this.root = root;
    this.socket = join(root, 'docker.sock');
    this.#child = child;
  }

  /** Downloads the packages where `root` does not have them yet, and starts it. */
  static async start(root: string): Promise<Dockerd> {
    execFileSync('bash', ['scripts/peer-dockerd.sh', 'prepare', root], { stdio: 'inherit' });
    spawnSync('ip', ['netns', 'add', netns]);
    spawnSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
    const log = openSync(join(root, 'log'), 'w');
    const child = spawn('bash', ['scripts/peer-dockerd.sh', 'run', root, netns], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const dockerd = new Dockerd(root, child);
    await dockerd.#untilReady();
    return dockerd;
  }

  async #untilReady(): Promise<void> {
    for (let waited = 0; waited < 60_000; waited += 100) {
      if (readFileSync(join(this.root, 'log'), 'utf8').includes('API listen on')) return;
      if (this.#child.exitCode !== null) break;
      await sleep(100);
    }
    throw new Error(`dockerd did not start:\n${readFileSync(join(this.root, 'log'), 'utf8')}`);
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await gone;
    spawnSync('ip', ['netns', 'delete', netns]);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((mount) => mount.startsWith(`${this.root}/`));
    for (const mount of mounts.reverse()) spawnSync('umount', ['-l', mount]);
    for (const path of ['data', 'exec'])
      if (existsSync(join(this.root, path))) rmSync(join(this.root, path), { recursive: true, force: true });
  }
}
