/** `/gantry/volumes/{name}/…`: what Docker has no words for. */
import { finished } from 'node:stream/promises';
import {
  cloneVolume,
  exportVolume,
  importVolume,
  protectVolume,
  renameVolume,
} from '../engine/volumes-transfer.ts';
import { EngineError } from '../errors/engine-error.ts';
import { Answer, type Call, param } from './call.ts';
import { sendArchive } from './stream-response.ts';
import { uploadOf } from './upload.ts';
import { encodeVolume } from './volume-encode.ts';

/** Milliseconds for what is left of an archive that nobody wants. */
const patience = 10_000;

export async function getVolumeExport(call: Call): Promise<void> {
  await sendArchive(call, await exportVolume(call.engine, param(call, 'name')));
}

export async function postVolumeImport(call: Call): Promise<Answer> {
  const request = { name: param(call, 'name'), labels: labelsOf(call) };
  try {
    return new Answer(201, encodeVolume(await importVolume(call.engine, request, uploadOf(call.request))));
  } catch (error) {
    /* A client that is cut off while it sends would never see why. */
    await finished(call.request, { signal: AbortSignal.timeout(patience) }).catch(() => undefined);
    throw error;
  }
}

export async function postVolumeClone(call: Call): Promise<Answer> {
  return new Answer(201, encodeVolume(await cloneVolume(call.engine, param(call, 'name'), target(call))));
}

export function postVolumeRename(call: Call): Answer {
  return new Answer(200, encodeVolume(renameVolume(call.engine, param(call, 'name'), target(call))));
}

export function postVolumeProtect(call: Call): void {
  protectVolume(call.engine, param(call, 'name'), true);
}

export function postVolumeUnprotect(call: Call): void {
  protectVolume(call.engine, param(call, 'name'), false);
}

function target({ query }: Call): string {
  const name = query.text('to');
  if (name === '') throw new EngineError('invalid-argument', "bad parameter: 'to' cannot be empty");
  return name;
}

/** `label=KEY=VALUE`, any number of them. */
function labelsOf({ query }: Call): Record<string, string> {
  const pairs = query.all('label').map((text): [string, string] => {
    const at = text.indexOf('=');
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
