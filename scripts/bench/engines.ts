/** The two engines that are measured: each in a network namespace, data root and cgroup of its own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Peer {
  name: 'gantry' | 'dockerd';
  version: string;
  /** `unix://…` */
  host: string;
  pid: number;
  /** Name of its network namespace. */
  netns: string;
  /** Where its data root is: a file system of its own. */
  disk: string;
  stop(): Promise<void>;
}

const dockerCli = ['/usr/local/bin/docker', '/usr/bin/docker'].find((path) => existsSync(path));

/** The stock docker CLI: the one on the host, or the one that came with the peer. */
export function cliPath(peerRoot: string): string {
  return dockerCli ?? join(peerRoot, 'root/usr/bin/docker');
}

async function untilAnswers(host: string, cli: string, child: ChildProcess, log: string): Promise<string> {
  for (let waited = 0; waited < 30_000; waited += 50) {
    const answer = spawnSync(cli, ['-H', host, 'version', '--format', '{{.Server.Version}}']);
    if (answer.status === 0) return answer.stdout.toString().trim();
    if (child.exitCode !== null) break;
    await sleep(50);
  }
  throw new Error(`no answer on ${host}; its log ends:\n${readFileSync(log, 'utf8').slice(-2000)}`);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

function makeNamespace(name: string): void {
  spawnSync('ip', ['netns', 'delete', name]);
  execFileSync('ip', ['netns', 'add', name]);
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

/**
 * A fresh ext4 for each peer: what the other one deleted a moment ago makes no difference, which on a file system that is shared it does
 * (ext4 passes over inodes that were deleted within the last minutes).
 */
class Disk {
  readonly path: string;
  readonly #image: string;

  constructor(directory: string) {
    this.path = join(directory, 'disk');
    this.#image = join(directory, 'disk.img');
    this.remove();
    mkdirSync(this.path, { recursive: true });
    execFileSync('truncate', ['-s', '20G', this.#image]);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image]);
    execFileSync('mount', ['-o', 'loop', this.#image, this.path]);
  }

  remove(): void {
    spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
    rmSync(this.#image, { force: true });
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Starts gantryd from the checkout's build. */
export async function startGantry(root: string, cli: string): Promise<Peer> {
  const directory = join(root, 'gantry');
  const netns = 'gantry-bench-g';
  mkdirSync(directory, { recursive: true });
  const disk = new Disk(directory);
  makeNamespace(netns);
  const log = join(directory, 'log');
  const output = openSync(log, 'w');
  const host = `unix://${directory}/gantry.sock`;
  const flags = ['--data-root', `${disk.path}/data`, '--exec-root', `${directory}/exec`, '--host', host];
  flags.push(
    '--pidfile',
    `${directory}/pid`,
    '--bridge',
    'gbench0',
    '--nft-table',
    'gantry_bench',
    '--cgroup-parent',
    '/gantry-bench',
  );
  const child = spawn('nsenter', [`--net=/run/netns/${netns}`, 'bin/gantryd', ...flags], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const version = await untilAnswers(host, cli, child, log);
  return {
    name: 'gantry',
    version,
    host,
    pid: Number(readFileSync(`${directory}/pid`, 'utf8')),
    netns,
    disk: disk.path,
    async stop() {
      removeAll(cli, host);
      await stopChild(child);
      spawnSync('ip', ['netns', 'delete', netns]);
      disk.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Starts Debian's dockerd, unpacked but not installed. */
export async function startDockerd(root: string, cli: string): Promise<Peer> {
  const netns = 'gantry-bench-d';
  makeNamespace(netns);
  const disk = new Disk(join(root, 'dockerd'));
  const log = join(root, 'dockerd.log');
  const output = openSync(log, 'w');
  const child = spawn('bash', ['scripts/peer-dockerd.sh', 'run', root, netns, `${disk.path}/data`], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const host = `unix://${root}/docker.sock`;
  const version = await untilAnswers(host, cli, child, log);
  return {
    name: 'dockerd',
    version,
    host,
    pid: Number(readFileSync(`${root}/docker.pid`, 'utf8')),
    netns,
    disk: disk.path,
    async stop() {
      removeAll(cli, host);
      await stopChild(child);
      spawnSync('ip', ['netns', 'delete', netns]);
      unmountBelow(root);
      disk.remove();
      rmSync(join(root, 'exec'), { recursive: true, force: true });
    },
  };
}

/** What dockerd leaves mounted when it ends: its own network namespace, for one. */
function unmountBelow(root: string): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  for (const path of mounts.filter((mount) => mount.startsWith(`${root}/`)).reverse()) {
    spawnSync('umount', ['-l', path]);
  }
}

/** Removes all containers of an engine. */
export function removeAll(cli: string, host: string): void {
  const ids = spawnSync(cli, ['-H', host, 'ps', '-aq']).stdout.toString().split('\n').filter(Boolean);
  if (ids.length > 0) spawnSync(cli, ['-H', host, 'rm', '-f', ...ids], { stdio: 'ignore' });
}
