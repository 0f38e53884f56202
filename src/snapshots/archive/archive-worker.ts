/** The entry point of an archiving thread: one job, given as its data. Asks the daemon's thread for what only the launcher can read. */
import { parentPort, workerData } from 'node:worker_threads';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import { parentOf } from '../layer-tree.ts';
import type { ArchiveJob, ArchiveReply, ArchiveRequest, LayerChange } from './archive-messages.ts';
import { AttributeReader } from './attribute-reader.ts';
import { MemberWriter } from './member-writer.ts';
import { TarOutput } from './tar-output.ts';
import { type WalkedChange, walkChanges } from './walk-changes.ts';
import { walkMerged } from './walk-merged.ts';

const job: ArchiveJob = workerData;

let credit = 0;
let onCredit: (() => void) | undefined;
const attributes = new AttributeReader((question) => reply(question));
const { readOpaque, readAttributes } = attributes;

function reply(message: ArchiveReply, transfer: ArrayBuffer[] = []): void {
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

async function writeMerged(writer: MemberWriter): Promise<void> {
  for await (const member of walkMerged(job, readOpaque)) await writer.add(member);
}

async function writeLayer(writer: MemberWriter): Promise<void> {
  for await (const change of walkChanges(job, readOpaque)) {
    const { path, directory, name } = change;
    if (change.kind === 'deleted') {
      directory.release();
      await writer.add({ kind: 'whiteout', path });
      continue;
    }
    await writer.add({ kind: 'node', path, directory, name });
    if (change.isOpaque) await writer.add({ kind: 'opaque', path });
  }
}

/** As Docker lists them: a directory where itself was changed, or something in it added or deleted. */
async function listChanges(): Promise<LayerChange[]> {
  const changes: LayerChange[] = [];
  const listed = new Set<string>();
  const note = ({ path, kind }: Pick<WalkedChange, 'path' | 'kind'>): void => {
    const parent = parentOf(path);
    if (kind !== 'modified' && parent !== '' && !listed.has(parent)) note({ path: parent, kind: 'modified' });
    listed.add(path);
    changes.push({ path, kind });
  };
  for await (const change of walkChanges(job, readOpaque)) {
    change.directory.release();
    if (!change.isUntouched) note(change);
  }
  return changes.sort((one, other) => (one.path < other.path ? -1 : 1));
}

async function run(): Promise<void> {
  if (job.what === 'changes') {
    reply({ kind: 'done', members: 0, changes: await listChanges() });
    return;
  }
  const writer = new MemberWriter(new TarOutput(sendChunk), readAttributes, job.shape);
  if (job.what === 'merged') await writeMerged(writer);
  else await writeLayer(writer);
  await writer.finish();
  reply({ kind: 'done', members: writer.members, changes: [] });
}

parentPort?.on('message', (request: ArchiveRequest) => {
  if (request.kind === 'attributes') attributes.answer(request.results);
  else {
    credit += 1;
    onCredit?.();
  }
});

run().catch((error: unknown) => {
  const known = error instanceof EngineError ? error : undefined;
  reply({
    kind: 'failed',
    code: known?.code,
    hint: known?.hint,
    errno: errnoOf(error),
    message: messageOf(error),
  });
});
