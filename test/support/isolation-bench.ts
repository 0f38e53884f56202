/** Runs containers by an OCI runtime alone, from configurations that `buildSpec` made, on a busybox root of their own. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildSpec } from '../../src/engine/spec/build-spec.ts';
import type { SpecInput } from '../../src/engine/spec/spec-input.ts';
import { networkSysctls } from '../../src/engine/spec/sysctls.ts';
import { resolveUser } from '../../src/engine/spec/user.ts';
import { cgroupsPathOf } from '../../src/host/cgroups.ts';
import { killCgroup, removeCgroup } from '../../src/host/cgroups-control.ts';
import { gatherDevices } from '../../src/host/devices.ts';
import { findProgram } from '../../src/host/facts.ts';
import { encodeRuntimeSpec, type RuntimeSpec } from '../../src/oci/runtime-spec.ts';
import type { RuntimeProgram } from '../../src/runtime/runtime-types.ts';
import { type Changes, hostFacts, specInput } from './spec-input.ts';

export const passwd = 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n';
export const group = 'root:x:0:\nalice:x:1000:\naudio:x:29:alice\nvideo:x:44:\n';

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface Bench {
  /** Directory of this bench; `root` in it is the containers' file system. */
  directory: string;
  /** Runs a command in a container to its end. */
  run(command: readonly string[], changes?: Changes): Promise<Outcome>;
  /** Runs a command that prints something and stays; ends it when `during` has ended, which gets the configuration and the container's ID. */
  hold(command: readonly string[], during: (spec: RuntimeSpec, id: string) => Promise<void>): Promise<void>;
  /** The runtime, with its state in the bench's directory. */
  program: RuntimeProgram;
  /** Changes each configuration before it is written. */
  rewrite: (spec: RuntimeSpec) => RuntimeSpec;
  /** The same through a shell. */
  shell(script: string, changes?: Changes): Promise<Outcome>;
  remove(): Promise<void>;
}

/** The system calls that no busybox applet makes. Prints `NAME ERRNO`. */
const probeSource = String.raw`
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
static void tell(const char *name, long result) { printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "OK"); }
int main(void) {
  tell("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  tell("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -2));
  tell("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
  tell("unshare", unshare(CLONE_NEWUSER));
  tell("clone3", syscall(SYS_clone3, 0, 0));
  tell("bpf", syscall(SYS_bpf, 0, 0, 0));
  tell("vsock", socket(40, SOCK_STREAM, 0));
  tell("init_module", syscall(SYS_init_module, 0, 0, 0));
  tell("getpid", getpid());
  return 0;
}
`;

/** Makes a busybox root and a place for bundles; `runtime` is `crun` or `runc`. */
export function makeBench(runtime: 'crun' | 'runc'): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-isolation-'));
  const parent = `/gantry-isolation-${randomBytes(4).toString('hex')}`;
  makeRoot(join(directory, 'root'));
  const path = findProgram(runtime) ?? runtime;
  const program = { path, args: ['--root', join(directory, 'state')] };
  const start = async (command: readonly string[], changes: Changes, during?: During): Promise<Outcome> => {
    const id = `iso-${randomBytes(6).toString('hex')}`;
    const cgroupsPath = cgroupsPathOf({ driver: 'cgroupfs', parent, id });
    const input = await inputFor(command, { directory, cgroupsPath }, changes);
    const bundle = join(directory, id);
    mkdirSync(bundle);
    const spec = buildSpec(input);
    writeFileSync(join(bundle, 'config.json'), encodeRuntimeSpec(bench.rewrite(spec)));
    const sysctls = networkSysctls(input.container, input.host);
    const end = () => killCgroup(hostFacts().cgroups, cgroupsPath);
    const atFirstOutput = during && (() => during(spec, id).finally(end));
    try {
      return await runBundle({ program, bundle, id, sysctls }, atFirstOutput);
    } finally {
      await end();
      await removeCgroup(hostFacts().cgroups, cgroupsPath);
    }
  };
  const bench: Bench = {
    directory,
    program,
    rewrite: (spec) => spec,
    run: (command, changes = {}) => start(command, changes),
    shell: (script, changes = {}) => start(['/bin/sh', '-c', script], changes),
    hold: async (command, during) => {
      await start(command, {}, during);
    },
    remove: async () => {
      await removeCgroup(hostFacts().cgroups, parent);
      rmSync(directory, { recursive: true });
    },
  };
  return bench;
}

type During = (spec: RuntimeSpec, id: string) => Promise<void>;

function makeRoot(root: string): void {
  for (const name of ['bin', 'dev', 'etc', 'home/alice', 'proc', 'root', 'sys', 'tmp'])
    mkdirSync(join(root, name), { recursive: true });
  const busybox = findProgram('busybox');
  if (busybox === undefined) throw new Error('busybox-static is not installed');
  copyFileSync(busybox, join(root, 'bin/busybox'));
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n'))
    if (applet !== '' && applet !== 'busybox')
      execFileSync('ln', ['-s', 'busybox', join(root, 'bin', applet)]);
  writeFileSync(join(root, 'etc/passwd'), passwd);
  writeFileSync(join(root, 'etc/group'), group);
  execFileSync('gcc', ['-static', '-O1', '-x', 'c', '-o', join(root, 'bin/probe'), '-'], {
    input: probeSource,
  });
}

async function inputFor(
  command: readonly string[],
  place: { directory: string; cgroupsPath: string },
  changes: Changes,
): Promise<SpecInput> {
  const input = specInput(command, {
    ...changes,
    input: {
      rootPath: join(place.directory, 'root'),
      cgroupsPath: place.cgroupsPath,
      networkNamespacePath: '/proc/self/ns/net',
      networkSysctlsDone: true,
      ...changes.input,
    },
  });
  const { config, hostConfig } = input.container;
  const devices = await gatherDevices(hostConfig.devices, { privileged: hostConfig.privileged });
  const user = resolveUser(config.user, hostConfig.groupAdd, passwd, group);
  return { ...input, devices, user };
}

interface Bundle {
  program: RuntimeProgram;
  bundle: string;
  id: string;
  sysctls: Record<string, string>;
}

/** In mount and network namespaces of its own, as the shim does it; crun is kept from seeing the v2 side of a hybrid host. */
async function runBundle(subject: Bundle, atFirstOutput?: () => Promise<void>): Promise<Outcome> {
  const { program, bundle, id } = subject;
  const { mode, hierarchies } = hostFacts().cgroups;
  const hybridCrun = program.path.endsWith('/crun') && mode === 'hybrid';
  const hidden = hybridCrun ? hierarchies.filter(({ version }) => version === 2) : [];
  const hide = hidden.map(({ mountpoint }) => `umount -l ${mountpoint} && `).join('');
  const writes = Object.entries(subject.sysctls).map(
    ([path, value]) => `echo '${value}' >/proc/sys/net/${path} && `,
  );
  const command = [program.path, ...program.args, 'run', '--bundle', bundle, id].join(' ');
  const script = `${hide}${writes.join('')}exec ${command}`;
  const child = spawn('unshare', ['--mount', '--net', '--propagation', 'slave', 'sh', '-c', script], {
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const first = atFirstOutput && once(child.stdout, 'data').then(atFirstOutput);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
    first,
  ]);
  return { exitCode, stdout, stderr };
}

/** `NAME: VALUE` lines of /proc/PID/status. */
export function statusFields(text: string): Record<string, string> {
  const pairs = text.split('\n').map((line) => line.split(/:\s*/));
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value.trim()]));
}

/** Directories in any hierarchy whose name begins like this bench's cgroups. */
export function leftoverCgroups(): string {
  const script = "find /sys/fs/cgroup -maxdepth 3 -type d -name 'gantry-isolation-*'";
  return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout;
}
