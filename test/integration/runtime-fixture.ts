/** A runtime of a test's own, with bundles made of busybox, and the checks that nothing of it is left. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLauncher } from '../../src/host/launcher.ts';
import type { Launcher } from '../../src/host/launcher-types.ts';
import {
  type Attachment,
  networkNamespacePath,
  type RuntimeProgram,
  type StartProcess,
} from '../../src/runtime/runtime-types.ts';
import { ShimRuntime } from '../../src/runtime/shim-runtime.ts';

export const crun: RuntimeProgram = { path: '/usr/bin/crun', args: [] };
export const runc: RuntimeProgram = { path: '/usr/sbin/runc', args: [] };

export interface ContainerOptions {
  args: string[];
  runtime?: RuntimeProgram;
  terminal?: boolean;
  openStdin?: boolean;
  stdinOnce?: boolean;
  log?: { maxSize?: number; maxFiles?: number } | false;
  network?: Extract<StartProcess['kind'], { kind: 'container' }>['network'];
  /** Changes the OCI config. */
  // biome-ignore lint/suspicious/noExplicitAny: any part of an OCI config
  mutate?: (config: any) => void;
  oomFile?: string;
}

export class Fixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'gantry-runtime-'));
  readonly execRoot = join(this.dir, 'exec');
  launcher: Launcher;
  runtime: ShimRuntime;
  readonly #ids = new Map<string, RuntimeProgram>();

  constructor(launcher: Launcher, options: { spillLimit?: number } = {}) {
    this.launcher = launcher;
    this.runtime = new ShimRuntime({ launcher, execRoot: this.execRoot, ...options });
    makeRootfs(join(this.dir, 'base'));
  }

  static async create(options: { spillLimit?: number } = {}): Promise<Fixture> {
    return new Fixture(await startLauncher(), options);
  }

  /** Makes a bundle and the request that runs it. */
  request(options: ContainerOptions): StartProcess & { log?: { path: string } } {
    const id = `aaaa${randomBytes(30).toString('hex')}`;
    const runtime = options.runtime ?? crun;
    this.#ids.set(id, runtime);
    const bundle = join(this.dir, id);
    for (const name of ['', 'upper', 'work', 'top']) mkdirSync(join(bundle, name), { recursive: true });
    const target = join(bundle, 'rootfs');
    const config = ociConfig(options, target, networkNamespacePath(this.execRoot, id), id);
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
    const { maxSize = 0, maxFiles = 1 } = options.log === false ? {} : (options.log ?? {});
    return {
      containerId: id,
      processId: id,
      kind: {
        kind: 'container',
        bundle,
        root: {
          lower: [join(bundle, 'top'), join(this.dir, 'base')],
          upper: join(bundle, 'upper'),
          work: join(bundle, 'work'),
          target,
        },
        network: options.network ?? { kind: 'host' },
        ...(options.oomFile === undefined ? {} : { oomFile: options.oomFile }),
      },
      runtime,
      terminal: options.terminal ?? false,
      size: { columns: 80, rows: 24 },
      openStdin: options.openStdin ?? false,
      stdinOnce: options.stdinOnce ?? false,
      ...(options.log === false ? {} : { log: { path: join(bundle, 'json.log'), maxSize, maxFiles } }),
    };
  }

  execRequest(container: StartProcess, options: ContainerOptions): StartProcess {
    const id = `bbbb${randomBytes(30).toString('hex')}`;
    const processFile = join(this.dir, `${id}.json`);
    writeFileSync(processFile, JSON.stringify(ociProcess(options)));
    return {
      containerId: container.containerId,
      processId: id,
      kind: { kind: 'exec', processFile },
      runtime: container.runtime,
      terminal: options.terminal ?? false,
      size: { columns: 80, rows: 24 },
      openStdin: options.openStdin ?? false,
      stdinOnce: options.stdinOnce ?? false,
    };
  }

  upper(request: StartProcess): string {
    return join(this.dir, request.containerId, 'upper');
  }

  /** Ends what runs and asserts that nothing is left on the host. */
  async close(): Promise<void> {
    await Promise.all([...this.#ids].map(([id, runtime]) => this.runtime.destroy(id, runtime)));
    await this.expectNothingLeft();
    for (const path of cgroupsOf('.')) {
      try {
        rmdirSync(path);
      } catch {
        // Another test's containers are still in it.
      }
    }
    this.runtime.close();
    await this.launcher.close();
    rmSync(this.dir, { recursive: true });
  }

  async expectNothingLeft(): Promise<void> {
    let left = this.#leftovers();
    for (let i = 0; left.length > 0 && i < 100; i++) {
      await sleep(20);
      left = this.#leftovers();
    }
    assert.deepEqual(left, []);
  }

  #leftovers(): string[] {
    const ids = [...this.#ids.keys()];
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(this.dir));
    const cgroups = ids.flatMap((id) => cgroupsOf(id));
    const state = ids.filter((id) => existsSync(`/run/crun/${id}`) || existsSync(`/run/runc/${id}`));
    return [...mounts, ...cgroups, ...state, ...shimsBelow(this.execRoot)];
  }
}

/** Directories of the container's cgroup. */
function cgroupsOf(id: string): string[] {
  const root = '/sys/fs/cgroup';
  const candidates = [root, ...readdirSync(root).map((name) => join(root, name))];
  return candidates.map((dir) => join(dir, 'gantry-runtime-test', id)).filter((path) => existsSync(path));
}

/** Command lines of living shims of an exec root. */
function shimsBelow(execRoot: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(`shim ${execRoot}/`));
}

function makeRootfs(dir: string): void {
  for (const name of ['bin', 'proc', 'dev', 'sys', 'tmp', 'etc'])
    mkdirSync(join(dir, name), { recursive: true });
  copyFileSync('/bin/busybox', join(dir, 'bin/busybox'));
  const applets =
    'sh true false cat sleep echo printf seq dd ls stty yes kill head id hostname ip mount env'.split(' ');
  for (const applet of applets) symlinkSync('busybox', join(dir, 'bin', applet));
  writeFileSync(join(dir, 'notexec'), '');
}

function ociProcess(options: ContainerOptions): Record<string, unknown> {
  const capabilities = ['CAP_KILL', 'CAP_CHOWN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_ADMIN'];
  return {
    terminal: options.terminal ?? false,
    consoleSize: { width: 80, height: 24 },
    user: { uid: 0, gid: 0 },
    args: options.args,
    env: ['PATH=/bin', 'TERM=xterm'],
    cwd: '/',
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
  };
}

function ociConfig(options: ContainerOptions, root: string, netns: string, id: string): unknown {
  const host = (options.network ?? { kind: 'host' }).kind === 'host';
  const config = {
    ociVersion: '1.0.2',
    process: ociProcess(options),
    root: { path: root },
    hostname: 'test',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['newinstance', 'ptmxmode=0666'],
      },
    ],
    linux: {
      cgroupsPath: `/gantry-runtime-test/${id}`,
      namespaces: [
        ...['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
        ...(host ? [] : [{ type: 'network', path: netns }]),
      ],
      resources: {},
    },
  };
  options.mutate?.(config);
  return config;
}

/** All output of an attachment, by stream. */
export async function collect(attachment: Attachment): Promise<{ stdout: string; stderr: string }> {
  const parts: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  for await (const { stream, data } of attachment.output) parts[stream].push(Buffer.from(data));
  return { stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() };
}

export function networkNamespaceOf(pid: number | 'self'): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

export const everything = { stdin: false, stdout: true, stderr: true };
