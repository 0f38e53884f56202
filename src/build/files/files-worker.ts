/** The entry point of a thread that copies and reads the files of builds: one job at a time, with synchronous calls. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { pathOf, release } from '../../engine/archive/view-tree.ts';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';
import { baseOf } from '../../snapshots/layer-tree.ts';
import { copy } from './copy-job.ts';
import { DigestCache } from './digest-cache.ts';
import type {
  DigestJob,
  FilesAnswer,
  FilesJob,
  FilesQuestion,
  FilesReply,
  FilesResult,
  FilesThreadData,
  SelectedPath,
  SelectJob,
} from './files-messages.ts';
import { SourceTree } from './select-sources.ts';
import { filterOf } from './source-filter.ts';
import { digestOf } from './tree-digest.ts';
import { unpackArchive } from './unpack-job.ts';

const { answered, answers }: FilesThreadData = workerData;
/** Milliseconds for what the launcher does in no time. */
const patience = 60_000;

const caches = new Map<string, DigestCache>();

function reply(message: FilesReply): void {
  parentPort?.postMessage(message);
}

/** The thread sleeps meanwhile. */
function ask(question: FilesQuestion): readonly Attributes[] {
  Atomics.store(answered, 0, 0);
  reply({ kind: 'question', question });
  const waited = Atomics.wait(answered, 0, 0, patience);
  const message = receiveMessageOnPort(answers);
  if (waited === 'timed-out' || message === undefined)
    throw new EngineError('internal', 'the native helper did not answer');
  const answer: FilesAnswer = message.message;
  if (answer.error !== '') throw new EngineError('internal', answer.error);
  return answer.attributes;
}

function readAttributes(root: string, paths: readonly string[]): readonly Attributes[] {
  return ask({ kind: 'attributes', root, paths });
}

function cacheOf({ cacheFile }: DigestJob): DigestCache | undefined {
  if (cacheFile === undefined) return undefined;
  const cache = caches.get(cacheFile) ?? new DigestCache(cacheFile);
  caches.set(cacheFile, cache);
  return cache;
}

function select({ sources, parents, exclude }: SelectJob): SelectedPath[] {
  const { leavesOut } = filterOf(exclude);
  return sources.flatMap((source, index) => {
    if (source.kind === 'inline') return [];
    const tree = new SourceTree(source);
    try {
      const found = [...selectFrom(tree, parents, index)];
      return found.filter(({ name, isFile }) => !isFile || !leavesOut(baseOf(name)));
    } finally {
      tree.close();
    }
  });
}

function* selectFrom(tree: SourceTree, parents: boolean, source: number): Generator<SelectedPath> {
  for (const { located, path, isDirectory } of tree.select(parents)) {
    const isFile = !isDirectory && located.stats?.isFile() === true;
    const found = { source, path: pathOf(located).slice(1), name: path, isFile };
    release(located);
    yield found;
  }
}

function run(job: FilesJob): FilesResult {
  switch (job.kind) {
    case 'copy':
      return { kind: 'copied', ...copy(job, { readAttributes, operate: ask }) };
    case 'digest':
      return { kind: 'digest', digest: digestOf(job, { readAttributes, cache: cacheOf(job) }) };
    case 'select':
      return { kind: 'selected', paths: select(job) };
    case 'unpack':
      unpackArchive(job, ask);
      return { kind: 'unpacked' };
  }
}

function fail(error: unknown): void {
  const known = error instanceof EngineError ? error : undefined;
  reply({
    kind: 'failed',
    code: known?.code,
    errno: errnoOf(error),
    message: messageOf(error),
    hint: known?.hint,
    details: known?.details ?? {},
  });
}

parentPort?.on('message', (job: FilesJob) => {
  try {
    reply({ kind: 'done', result: run(job) });
  } catch (error) {
    fail(error);
  }
});
