/** The entry point of a thread that works in a container's file system: one job, given as its data. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';
import { MemberWriter } from '../../snapshots/archive/member-writer.ts';
import { TarOutput } from '../../snapshots/archive/tar-output.ts';
import { TarReader } from '../../util/tar/tar-reader.ts';
import { ViewExtractor } from './view-extractor.ts';
import { checkWritable } from './view-guard.ts';
import type {
  PathStat,
  ViewOperation,
  ViewReply,
  ViewRequestMessage,
  ViewThreadData,
  WriteJob,
} from './view-messages.ts';
import { readLocated } from './view-reader.ts';
import { cleanPath, type Located, pathOf, release, topOf, ViewTree } from './view-tree.ts';

const { root, job, answered }: ViewThreadData = workerData;

/** Others are of this host alone: labels of its security module. */
const archivedAttributes = ['user.', 'security.capability'];
const overlayOfUsers = 'user.overlay.';
/** Milliseconds for what the launcher does in no time. */
const operationPatience = 60_000;

let credit = 0;
let onCredit: (() => void) | undefined;
let onAttributes: ((results: readonly Attributes[]) => void) | undefined;
let answers: MessagePort | undefined;
let reader: TarReader | undefined;
let onEnd: (() => void) | undefined;

function reply(message: ViewReply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

async function sendChunk(chunk: Uint8Array): Promise<void> {
  while (credit === 0) {
    await new Promise<void>((resolve) => {
      onCredit = resolve;
    });
  }
  credit -= 1;
  reply({ kind: 'chunk', data: chunk }, [chunk.buffer as ArrayBuffer]);
}

async function readAttributes(tree: string, paths: readonly string[]): Promise<readonly Attributes[]> {
  if (paths.length === 0) return [];
  reply({ kind: 'attributes', root: tree, paths, prefixes: archivedAttributes });
  const results = await new Promise<readonly Attributes[]>((resolve) => {
    onAttributes = resolve;
  });
  return results.map(
    (attributes) =>
      attributes && new Map([...attributes].filter(([name]) => !name.startsWith(overlayOfUsers))),
  );
}

/** The thread sleeps meanwhile: members of an archive are made one after the other. */
function operate(operation: ViewOperation): void {
  Atomics.store(answered, 0, 0);
  reply({ kind: 'operation', operation });
  const waited = Atomics.wait(answered, 0, 0, operationPatience);
  const message = answers === undefined ? undefined : receiveMessageOnPort(answers);
  if (waited === 'timed-out' || message === undefined)
    throw new EngineError('internal', 'the native helper did not answer');
  const error: string = message.message;
  if (error !== '') throw new EngineError('internal', error);
}

function readable(text: string): string {
  return Buffer.from(text, 'latin1').toString();
}

function statOf(tree: ViewTree, path: string, located: Located): PathStat {
  const { stats } = located;
  if (stats === undefined) throw missing();
  return {
    name: readable(path.split('/').findLast((part) => part !== '') ?? '/'),
    size: Number(stats.size),
    mode: Number(stats.mode),
    mtime: stats.mtimeNs,
    linkTarget: stats.isSymbolicLink() ? linkTarget(tree, path) : '',
  };
}

function linkTarget(tree: ViewTree, path: string): string {
  const target = tree.locate(path, true);
  const found = readable(pathOf(target));
  release(target);
  return found;
}

/** Told apart by its code; whoever asked puts the path into words. */
function missing(): EngineError {
  return new EngineError('not-found', 'no such file or directory');
}

function find(tree: ViewTree, path: string): { located: Located; stat: PathStat } {
  const located = tree.locate(path, false);
  return { located, stat: statOf(tree, path, located) };
}

async function read(tree: ViewTree, path: string): Promise<void> {
  const { located, stat } = find(tree, path);
  reply({ kind: 'stat', stat });
  const writer = new MemberWriter(new TarOutput(sendChunk), readAttributes);
  const base = Buffer.from(stat.name === '/' ? '' : stat.name).toString('latin1');
  await readLocated(writer, located, base);
  await writer.finish();
}

async function write(
  tree: ViewTree,
  path: string,
  { mounts, readOnlyRoot, ...given }: WriteJob,
): Promise<void> {
  const destination = tree.locate(path, true);
  if (destination.missing.length > 0) throw missing();
  if (destination.name !== undefined)
    throw new EngineError('invalid-argument', 'extraction point is not a directory');
  checkWritable(`/${topOf(destination).relative}`, mounts, readOnlyRoot);
  const { noOverwriteDirNonDir, owner } = given;
  const extractor = new ViewExtractor({ tree, destination, noOverwriteDirNonDir, owner, operate });
  try {
    reader = new TarReader(extractor);
    const ended = new Promise<void>((resolve) => {
      onEnd = resolve;
    });
    reply({ kind: 'ready' });
    await ended;
    reader.finish();
    extractor.finish();
  } finally {
    extractor.close();
    release(destination);
  }
}

async function run(): Promise<void> {
  const tree = new ViewTree(root);
  const path = cleanPath(job.path);
  if (job.kind === 'stat') {
    const { located, stat } = find(tree, path);
    release(located);
    reply({ kind: 'stat', stat });
  } else if (job.kind === 'read') await read(tree, path);
  else await write(tree, path, job);
  reply({ kind: 'done' });
}

function fail(error: unknown): void {
  const known = error instanceof EngineError ? error : undefined;
  reply({
    kind: 'failed',
    code: known?.code,
    errno: errnoOf(error),
    message: messageOf(error),
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
  });
}

function take(data: Uint8Array): void {
  try {
    reader?.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    reply({ kind: 'consumed', bytes: data.length });
  } catch (error) {
    reader = undefined;
    fail(error);
  }
}

parentPort?.on('message', (request: ViewRequestMessage) => {
  switch (request.kind) {
    case 'port':
      answers = request.port;
      break;
    case 'more':
      credit += 1;
      onCredit?.();
      break;
    case 'attributes':
      onAttributes?.(request.results);
      break;
    case 'data':
      take(request.data);
      break;
    case 'end':
      onEnd?.();
      break;
  }
});

run().catch(fail);
