/** A small virtual machine with Debian's kernel, for what the kernel of this host may not have. Emulated: slow, but the same on every host. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runProgram } from '../support/daemon.ts';

const qemu = '/usr/bin/qemu-system-x86_64';

/** Unpacked once for all tests of this host. */
const kernelRoot = join(tmpdir(), 'gantry-vm-kernel');

async function must(argv: readonly string[], timeout = 60_000): Promise<string> {
  const { code, stdout, stderr } = await runProgram(argv, { timeout });
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

/** Debian's kernel and its modules, or why they can't be had. */
export async function findKernel(): Promise<{ image: string; modules: string } | string> {
  if (process.arch !== 'x64') return 'the virtual machine is an x86-64 one';
  if (!existsSync(qemu)) return 'qemu is not there (Debian: qemu-system-x86)';
  try {
    if (!existsSync(join(kernelRoot, 'boot'))) await fetchKernel();
  } catch (error) {
    return `Debian's kernel could not be had: ${String(error).slice(0, 300)}`;
  }
  const [image = ''] = readdirSync(join(kernelRoot, 'boot')).filter((name) => name.startsWith('vmlinuz'));
  const [version = ''] = readdirSync(join(kernelRoot, 'lib/modules'));
  return { image: join(kernelRoot, 'boot', image), modules: join(kernelRoot, 'lib/modules', version) };
}

async function fetchKernel(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-vm-fetch-'));
  try {
    const depends = await must(['apt-cache', 'depends', 'linux-image-cloud-amd64']);
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1] ?? '';
    await must(['sh', '-c', `cd '${directory}' && apt-get download ${name}`], 120_000);
    const [archive = ''] = readdirSync(directory);
    await must(['dpkg', '-x', join(directory, archive), join(directory, 'out')]);
    const version = readdirSync(join(directory, 'out/lib/modules'))[0] ?? '';
    await must(['busybox', 'depmod', '-b', join(directory, 'out'), version]);
    cpSync(join(directory, 'out'), kernelRoot, { recursive: true });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Files of the machine's root, by path in it: those of this host, with the libraries that programs need. */
export class MachineRoot {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-vm-root-'));

  constructor() {
    for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp', 'run', 'etc'])
      mkdirSync(join(this.directory, name));
    copyFileSync(realpathSync('/bin/busybox'), join(this.directory, 'bin/busybox'));
  }

  write(path: string, text: string): void {
    const place = this.#place(path);
    writeFileSync(place, text);
    chmodSync(place, 0o755);
  }

  copy(from: string, to: string): void {
    cpSync(from, this.#place(to), { recursive: true, dereference: true });
  }

  /** With its libraries, in the places where they are here. */
  async program(from: string, to: string): Promise<void> {
    this.copy(realpathSync(from), to);
    const { stdout } = await runProgram(['ldd', from]);
    for (const [, library = ''] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm))
      if (!existsSync(join(this.directory, library))) this.copy(realpathSync(library), library);
  }

  /** One module and those that it needs; `modprobe` finds them. */
  module(modules: string, name: string): void {
    const version = modules.split('/').at(-1) ?? '';
    const list = readFileSync(join(modules, 'modules.dep'), 'utf8').split('\n');
    const line = list.find((one) => one.split(':')[0]?.endsWith(`/${name}.ko`)) ?? '';
    for (const path of line.replace(':', '').split(' ').filter(Boolean))
      this.copy(join(modules, path), `lib/modules/${version}/${path}`);
    this.copy(join(modules, 'modules.dep'), `lib/modules/${version}/modules.dep`);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #place(path: string): string {
    const place = join(this.directory, path);
    mkdirSync(dirname(place), { recursive: true });
    return place;
  }
}

/**
 * Boots a machine whose root file system is in memory and runs `/init` of it. What it writes to its serial line is the answer; it ends by `poweroff -f`.
 * `disks` are attached as /dev/vda and on.
 */
export async function runMachine(
  kernel: string,
  root: MachineRoot,
  disks: readonly string[],
  timeoutMs: number,
): Promise<string> {
  const initrd = `${root.directory}.cpio`;
  await must([
    'sh',
    '-c',
    `cd '${root.directory}' && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >'${initrd}'`,
  ]);
  const drives = disks.flatMap((disk) => ['-drive', `file=${disk},if=virtio,format=raw,cache=unsafe`]);
  const child = spawn(qemu, [
    ...['-machine', 'pc,accel=tcg', '-cpu', 'max', '-m', '2000'],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1'],
    ...['-nographic', '-no-reboot', '-nic', 'none', '-monitor', 'none', '-serial', 'stdio'],
    ...drives,
  ]);
  try {
    return await outputOf(child, timeoutMs);
  } finally {
    rmSync(initrd, { force: true });
  }
}

function outputOf(child: ChildProcess, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}
