/** `/containers/{id}/archive`: files into and out of a container. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type PathStat,
  readFromContainer,
  statInContainer,
  writeToContainer,
} from '../engine/archive/archive.ts';
import { EngineError } from '../errors/engine-error.ts';
import { type ContainerPathStat, goMode, pathStatHeader } from '../wire/archive.ts';
import { Answer, type Call, param } from './call.ts';
import { sendArchive } from './stream-response.ts';
import { uploadOf } from './upload.ts';

/** Milliseconds. */
const uploadPatienceMs = 300;

export async function headArchive(call: Call): Promise<Answer> {
  const stat = await statInContainer(call.engine, param(call, 'id'), pathOf(call));
  call.response.setHeader(pathStatHeader, encodePathStat(stat));
  return new Answer(200);
}

export async function getArchive(call: Call): Promise<void> {
  const { stat, tar } = await readFromContainer(call.engine, param(call, 'id'), pathOf(call));
  call.response.setHeader(pathStatHeader, encodePathStat(stat));
  await sendArchive(call, tar);
}

export async function putArchive(call: Call): Promise<Answer> {
  const { query } = call;
  const archive = uploadOf(call.request);
  try {
    await writeToContainer(call.engine, param(call, 'id'), archive, {
      path: pathOf(call),
      noOverwriteDirNonDir: query.boolean('noOverwriteDirNonDir'),
      copyUidGid: query.boolean('copyUIDGID'),
    });
    return new Answer(200);
  } catch (error) {
    archive.destroy();
    await endOf(call.request);
    throw error;
  }
}

/** Lets a client that is about to end its upload do so: cut off while it sends, it would not see the answer. */
async function endOf(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return;
  const patience = new AbortController();
  const ended = once(request, 'close', patience);
  const over = sleep(uploadPatienceMs, undefined, { signal: patience.signal });
  await Promise.race([once(request, 'end', patience), ended, over]).catch(() => undefined);
  patience.abort();
}

function pathOf({ query }: Call): string {
  const path = query.text('path');
  if (path === '') throw new EngineError('invalid-argument', "bad parameter: 'path' cannot be empty");
  return path;
}

function encodePathStat(stat: PathStat): string {
  const { name, size, linkTarget } = stat;
  const body: ContainerPathStat = {
    name,
    size,
    mode: goModeOf(stat.mode),
    mtime: timestamp(stat.mtime),
    linkTarget,
  };
  return Buffer.from(JSON.stringify(body)).toString('base64');
}

const types = new Map<number, number>([
  [0o040000, goMode.directory],
  [0o120000, goMode.symlink],
  [0o060000, goMode.device],
  [0o020000, goMode.device + goMode.characterDevice],
  [0o010000, goMode.namedPipe],
  [0o140000, goMode.socket],
]);

/** Of a mode of stat(2). */
export function goModeOf(mode: number): number {
  const special =
    (mode & 0o4000 ? goMode.setuid : 0) +
    (mode & 0o2000 ? goMode.setgid : 0) +
    (mode & 0o1000 ? goMode.sticky : 0);
  return (types.get(mode & 0o170000) ?? 0) + special + (mode & 0o777);
}

/** With nanoseconds, as far as there are any. */
function timestamp(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (nanoseconds - fraction) / 1_000_000_000n;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const decimals = fraction.toString().padStart(9, '0').replace(/0+$/, '');
  return `${whole}${decimals === '' ? '' : `.${decimals}`}Z`;
}
