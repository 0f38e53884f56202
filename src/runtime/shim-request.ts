/** The one message that tells a shim what to do (docs/shim-protocol.md, the shim's request). */
import { dirname, join } from 'node:path';
import { encodeFields, type Field } from '../host/frame.ts';
import type { NetworkSetup } from '../host/network-setup.ts';
import {
  type LogTarget,
  type NetworkNamespace,
  type RootMount,
  type StartProcess,
  shimDirectory,
} from './runtime-types.ts';

/** What a shim remembers for the daemon that adopts it. */
export interface ShimMemo {
  containerId: string;
  kind: 'container' | 'exec';
  runtime: StartProcess['runtime'];
}

export interface ShimSettings {
  execRoot: string;
  /** Mounts that the OCI runtime must not see. */
  hiddenMounts: readonly string[];
  /** Environment of the OCI runtime. */
  env: Readonly<Record<string, string>>;
  /** Bytes of output that are kept on disk for one attached client that lags. */
  spillLimit: number;
}

/** The file in the shim's directory to which the OCI runtime writes its errors (the shim tells what it wrote to stderr, mostly the same). */
export const runtimeLogFile = 'runtime.log';

const tags = {
  directory: 1,
  memo: 2,
  startArgument: 3,
  deleteArgument: 4,
  environment: 5,
  hiddenMount: 6,
  privateMounts: 7,
  lower: 8,
  upper: 9,
  work: 10,
  target: 11,
  network: 12,
  networkPath: 13,
  inside: 14,
  outside: 15,
  sysctl: 16,
  terminal: 17,
  openStdin: 18,
  stdinOnce: 19,
  columns: 20,
  rows: 21,
  logPath: 22,
  logMaxSize: 23,
  logMaxFiles: 24,
  oomFile: 25,
  spillDirectory: 26,
  spillLimit: 27,
  logAttributes: 28,
  logBuffer: 29,
} as const;

const networkKinds = { host: 0, new: 1, path: 2 } as const;
/** The shim holds the socket for the terminal as descriptor 9: no path is too long for it. */
const consoleSocket = '/proc/self/fd/9';

export function memoOf({ containerId, kind, runtime }: StartProcess): ShimMemo {
  return { containerId, kind: kind.kind, runtime };
}

export function encodeShimRequest(request: StartProcess, settings: ShimSettings): Buffer {
  const directory = shimDirectory(settings.execRoot, request.processId);
  return encodeFields([
    [tags.directory, directory],
    [tags.memo, Buffer.from(JSON.stringify(memoOf(request)))],
    ...each(tags.startArgument, startArguments(request, directory)),
    ...each(
      tags.environment,
      Object.entries(settings.env).map(([name, value]) => `${name}=${value}`),
    ),
    ...each(tags.hiddenMount, settings.hiddenMounts),
    ...kindFields(request, settings),
    [tags.terminal, Number(request.terminal)],
    [tags.openStdin, Number(request.openStdin)],
    [tags.stdinOnce, Number(request.stdinOnce)],
    [tags.columns, request.size?.columns ?? 0],
    [tags.rows, request.size?.rows ?? 0],
    ...(request.log === undefined ? [] : logFields(request.log)),
    [tags.spillLimit, settings.spillLimit],
  ]);
}

function each(tag: number, values: readonly (string | Uint8Array)[]): Field[] {
  return values.map((value) => [tag, value]);
}

function kindFields({ kind, containerId, runtime }: StartProcess, settings: ShimSettings): Field[] {
  if (kind.kind === 'exec') return [[tags.privateMounts, Number(settings.hiddenMounts.length > 0)]];
  return [
    [tags.privateMounts, 1],
    ...each(tags.deleteArgument, [runtime.path, ...runtime.args, 'delete', '--force', containerId]),
    ...(kind.root === undefined ? [] : rootFields(kind.root)),
    ...networkFields(kind.network),
    ...(kind.oomFile === undefined ? [] : each(tags.oomFile, [kind.oomFile])),
  ];
}

function startArguments({ kind, runtime, terminal, containerId }: StartProcess, directory: string): string[] {
  const log = ['--log', join(directory, runtimeLogFile), '--log-format', 'text'];
  const command =
    kind.kind === 'container'
      ? [...runOrRestore(kind.restoreFrom), '--detach', '--bundle', kind.bundle]
      : ['exec', '--detach', '--process', kind.processFile];
  const pidFile = ['--pid-file', join(directory, 'init.pid')];
  const console = terminal ? ['--console-socket', consoleSocket] : [];
  return [runtime.path, ...runtime.args, ...log, ...command, ...pidFile, ...console, containerId];
}

/** CRIU's own words are in `restore.log` beside the checkpoint's files. */
function runOrRestore(checkpoint: string | undefined): string[] {
  if (checkpoint === undefined) return ['run'];
  return ['restore', '--image-path', checkpoint, '--work-path', checkpoint];
}

function rootFields(root: RootMount): Field[] {
  return [
    ...each(tags.lower, root.lower),
    [tags.upper, root.upper],
    [tags.work, root.work],
    [tags.target, root.target],
  ];
}

function networkFields(network: NetworkNamespace): Field[] {
  const kind: Field = [tags.network, networkKinds[network.kind]];
  switch (network.kind) {
    case 'host':
      return [kind];
    case 'path':
      return [kind, [tags.networkPath, network.path]];
    case 'new':
      return [kind, ...setupFields(network.setup)];
  }
}

function setupFields(setup: NetworkSetup): Field[] {
  const sysctls = Object.entries(setup.sysctls ?? {}).map(([name, value]) => `${name}=${value}`);
  return [
    ...each(tags.inside, setup.inside),
    ...each(tags.outside, setup.outside),
    ...each(tags.sysctl, sysctls),
  ];
}

/** What lags is kept beside the log: the shim's own directory is in memory. */
function logFields(log: LogTarget): Field[] {
  return [
    [tags.logPath, log.path],
    [tags.logMaxSize, log.maxSize],
    [tags.logMaxFiles, log.maxFiles],
    ...(log.attributes === undefined ? [] : each(tags.logAttributes, [log.attributes])),
    [tags.logBuffer, log.buffer ?? 0],
    [tags.spillDirectory, dirname(log.path)],
  ];
}
