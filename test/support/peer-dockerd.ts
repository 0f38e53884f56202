/** A real dockerd for tests of clients, where there is one: in a network namespace of its own, on paths of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const installed = ['/usr/bin/dockerd', '/usr/sbin/dockerd'].find((path) => existsSync(path));

/** A folder that `scripts/peer-dockerd.sh prepare` has filled, for hosts without Docker's packages. */
const prepared = process.env['GANTRY_PEER_DOCKERD'] ?? '';

/** Why there is none; undefined where there is one. */
export const noDockerd =
  installed === undefined && prepared === ''
    ? 'no dockerd: install docker.io, or name a folder of scripts/peer-dockerd.sh with GANTRY_PEER_DOCKERD'
    : undefined;

export class PeerDockerd {
  readonly root = mkdtempSync(join(tmpdir(), 'gantry-peer-'));
  readonly host: string;
  /** Name of its network namespace. */
  readonly netns = `peer${process.pid}`;
  readonly #child: ChildProcess;
  readonly #log = join(this.root, 'log');

  private constructor(flags: readonly string[]) {
    spawnSync('ip', ['netns', 'add', this.netns]);
    spawnSync('ip', ['-n', this.netns, 'link', 'set', 'lo', 'up']);
    // As on a host that never routed: a new namespace has it from the host. dockerd goes by it when it sets the policy of FORWARD.
    spawnSync('ip', ['netns', 'exec', this.netns, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=0']);
    const log = openSync(this.#log, 'w');
    const ownSocket = join(this.root, 'docker.sock');
    this.host = `unix://${prepared === '' ? ownSocket : join(prepared, 'docker.sock')}`;
    this.#child = spawn('bash', this.#command(ownSocket, flags), { stdio: ['ignore', log, log] });
    closeSync(log);
  }

  /** `flags` are further ones of dockerd. */
  static async start(flags: readonly string[] = []): Promise<PeerDockerd> {
    const dockerd = new PeerDockerd(flags);
    try {
      await dockerd.#untilReady();
      return dockerd;
    } catch (error) {
      await dockerd.stop();
      throw error;
    }
  }

  #command(socket: string, further: readonly string[]): string[] {
    const more = ['--cgroup-parent', `/${this.netns}`, ...further];
    const data = join(this.root, 'data');
    if (prepared !== '') return ['scripts/peer-dockerd.sh', 'run', prepared, this.netns, data, ...more];
    const flags = [
      ...['--data-root', data, '--exec-root', join(this.root, 'exec'), '--host', `unix://${socket}`],
      ...['--pidfile', join(this.root, 'pid'), '--bip', '172.31.251.1/24'],
      ...more,
    ];
    // Not by ip netns exec, whose own /sys has no cgroups.
    return ['-c', 'exec nsenter --net="/run/netns/$0" dockerd "$@"', this.netns, ...flags];
  }

  async #untilReady(): Promise<void> {
    for (let waited = 0; waited < 60_000; waited += 100) {
      if (readFileSync(this.#log, 'utf8').includes('API listen on')) return;
      if (this.#child.exitCode !== null) break;
      await sleep(100);
    }
    throw new Error(`dockerd did not start:\n${readFileSync(this.#log, 'utf8')}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      await gone;
    }
    spawnSync('ip', ['netns', 'delete', this.netns]);
    const roots = [this.root, ...(prepared === '' ? [] : [join(prepared, 'exec')])];
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((mount) => roots.some((root) => mount.startsWith(`${root}/`)));
    for (const mount of mounts.reverse()) spawnSync('umount', ['-l', mount]);
    for (const cgroup of globSync(`/sys/fs/cgroup{,/*}/${this.netns}`)) rmdirSync(cgroup);
    for (const root of [this.root, ...roots.slice(1)]) rmSync(root, { recursive: true, force: true });
  }
}
