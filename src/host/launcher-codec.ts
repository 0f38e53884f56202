/** Requests to the native launcher and its replies, as bytes (docs/shim-protocol.md, the launcher). */
import { constants } from 'node:os';
import { EngineError } from '../errors/engine-error.ts';
import {
  decodeFields,
  decodeRecord,
  encodeFields,
  type Field,
  numberOf,
  pathValue,
  textOf,
} from './frame.ts';
import type {
  CommandRequest,
  CommandResult,
  FileAttributes,
  FileOperation,
  StepFailure,
  ViewRequest,
} from './launcher-types.ts';

export const requestTypes = {
  run: 1,
  netlink: 2,
  files: 3,
  shim: 4,
  cancel: 5,
  attributes: 6,
  datagrams: 7,
  view: 8,
  quota: 9,
  refused: 255,
} as const;

const reply = { status: 1, timedOut: 2, stdout: 3, stderr: 4, pid: 5, errno: 6, text: 7 } as const;
const step = { reply: 1, index: 2, errno: 3 } as const;
const operationKinds = { mknod: 1, setxattr: 2, utime: 3, 'setxattr-open': 4 } as const;

export function encodeCommand(request: CommandRequest): Buffer {
  const stdin = request.stdin ?? '';
  const environment = request.env && {
    PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    ...request.env,
  };
  return encodeFields([
    ...request.argv.map((argument): Field => [1, argument]),
    ...Object.entries(environment ?? {}).map(([name, value]): Field => [2, `${name}=${value}`]),
    ...(request.hiddenMounts ?? []).map((path): Field => [3, path]),
    ...(request.cwd === undefined ? [] : [[4, request.cwd] as Field]),
    [5, typeof stdin === 'string' ? Buffer.from(stdin) : stdin],
    [6, request.timeoutMs ?? 30_000],
    [7, request.maxOutput ?? 1 << 20],
  ]);
}

export function decodeCommand(body: Buffer, argv: readonly string[]): CommandResult {
  const record = decodeRecord(body);
  const status = numberOf(record, reply.status);
  if (status === undefined) throw startFailure(record, argv);
  // The raw status of waitpid(2).
  const signal = status & 0x7f;
  return {
    exitCode: signal === 0 ? (status >> 8) & 0xff : null,
    signal: signal === 0 ? null : signal,
    timedOut: numberOf(record, reply.timedOut) === 1,
    stdout: record.get(reply.stdout) ?? Buffer.alloc(0),
    stderr: record.get(reply.stderr) ?? Buffer.alloc(0),
  };
}

/** Debian packages of the programs that the daemon runs. */
const packages: Readonly<Record<string, string>> = {
  nft: 'nftables',
  ip: 'iproute2',
  tc: 'iproute2',
  crun: 'crun',
  runc: 'runc',
  iptables: 'iptables',
  ip6tables: 'iptables',
  modprobe: 'kmod',
  sysctl: 'procps',
  ps: 'procps',
  mount: 'mount',
};

function startFailure(record: ReadonlyMap<number, Buffer>, argv: readonly string[]): EngineError {
  const program = argv[0] ?? '';
  const errno = errnoName(numberOf(record, reply.errno) ?? 0);
  const reason = `${textOf(record, reply.text) ?? 'start'}: ${errno}`;
  const name = program.slice(program.lastIndexOf('/') + 1);
  const wanted = packages[name];
  const hint =
    wanted === undefined ? `Install ${name}.` : `Install ${name} (Debian: apt-get install ${wanted}).`;
  return new EngineError('failed-precondition', `cannot run ${program}: ${reason}`, {
    hint,
    details: { program, errno },
  });
}

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `ENOENT` of 2; `errno 4095` where it has no name. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

export function encodeNetlink(messages: readonly Uint8Array[], netns?: string): Buffer {
  const where: Field[] = netns === undefined ? [] : [[1, netns]];
  return encodeFields([...where, ...messages.map((message): Field => [2, message])]);
}

export function encodeFiles(root: string, operations: readonly FileOperation[]): Buffer {
  return encodeFields([
    [1, root],
    ...operations.map((operation): Field => [2, encodeFields(operationFields(operation))]),
  ]);
}

function operationFields(operation: FileOperation): Field[] {
  const fields: Field[] = [
    [1, operationKinds[operation.kind]],
    [2, pathValue(operation.path)],
  ];
  switch (operation.kind) {
    case 'mknod':
      return [...fields, [3, operation.mode], [4, operation.major], [5, operation.minor]];
    case 'setxattr':
    case 'setxattr-open':
      return [...fields, [6, operation.name], [7, operation.value]];
    case 'utime':
      return [...fields, [8, operation.seconds], [9, operation.nanoseconds]];
  }
}

export function decodeSteps(body: Buffer): { replies: Buffer[]; failure?: StepFailure } {
  const fields = decodeFields(body);
  const record = new Map(fields.map(({ tag, value }) => [tag, value]));
  const text = textOf(record, reply.text);
  if (text !== undefined) throw new EngineError('internal', `the native helper failed: ${text}`);
  const replies = fields.filter(({ tag }) => tag === step.reply).map(({ value }) => value);
  const errno = numberOf(record, step.errno);
  if (errno === undefined) return { replies };
  return { replies, failure: { index: numberOf(record, step.index) ?? 0, errno } };
}

export function encodeAttributes(
  root: string | Buffer,
  paths: readonly Buffer[],
  prefixes: readonly string[],
): Buffer {
  return encodeFields([
    [1, pathValue(root)],
    ...paths.map((path): Field => [2, pathValue(path)]),
    ...prefixes.map((prefix): Field => [3, prefix]),
  ]);
}

export function encodeDatagrams(path: string, messages: readonly Uint8Array[]): Buffer {
  return encodeFields([[1, path], ...messages.map((message): Field => [2, message])]);
}

/** One result for each path that was answered: the first ones of those asked for. */
export function decodeAttributes(body: Buffer): FileAttributes[] {
  const { replies, failure } = decodeSteps(body);
  if (failure !== undefined)
    throw new EngineError('internal', `cannot read extended attributes: ${errnoName(failure.errno)}`);
  return replies.map(decodeOneFile);
}

function decodeOneFile(body: Buffer): FileAttributes {
  const attributes = new Map<string, Buffer>();
  let name = '';
  for (const { tag, value } of decodeFields(body)) {
    if (tag === 3) return Number(value.readBigUInt64LE());
    if (tag === 1) name = value.toString('latin1');
    // The frame that it lies in is large, and shared.
    else attributes.set(name, Buffer.from(value));
  }
  return attributes;
}

export function encodeView(request: ViewRequest): Buffer {
  const { running } = request;
  const texts = (tag: number, values: readonly string[]): Field[] =>
    values.map((value): Field => [tag, value]);
  return encodeFields([
    ...(running === undefined
      ? []
      : ([
          [1, running.shimDirectory],
          [2, running.shimPid],
          [3, running.pid],
        ] satisfies Field[])),
    ...texts(4, request.lower),
    [5, request.upper],
    [6, request.work],
    [7, request.target],
    [8, request.readOnly ? 1 : 0],
    ...request.mounts.map(
      ({ source, destination, readOnly }): Field => [
        9,
        encodeFields([
          ...texts(1, source === undefined ? [] : [source]),
          [2, destination],
          [3, readOnly ? 1 : 0],
        ]),
      ],
    ),
  ]);
}

/** The pid of a shim, or of what holds a view. Throws `internal` with the step of its set-up that failed. */
export function decodeStarted(body: Buffer, what: string): number {
  const record = decodeRecord(body);
  const pid = numberOf(record, reply.pid);
  const text = textOf(record, reply.text);
  if (text === undefined && pid !== undefined) return pid;
  const errno = numberOf(record, reply.errno);
  const reason = errno === undefined ? '' : `: ${errnoName(errno)}`;
  throw new EngineError('internal', `cannot ${what}: ${text ?? 'no reply'}${reason}`, {
    details: { step: text ?? '', errno: errno ?? 0 },
  });
}

export function refusalOf(body: Buffer): EngineError {
  return new EngineError(
    'internal',
    `the native helper refused a request: ${textOf(decodeRecord(body), reply.text)}`,
  );
}
