/** `GET /containers/{id}/export` and `/changes`: a container's files, whole or compared with its image. */
import { containerChanges } from '../engine/changes.ts';
import { exportContainer } from '../engine/export.ts';
import type { ContainerChange } from '../wire/container.ts';
import { type Call, param } from './call.ts';
import { sendArchive } from './stream-response.ts';

const kinds = { modified: 0, added: 1, deleted: 2 } as const;

export function getExport(call: Call): Promise<void> {
  return sendArchive(call, exportContainer(call.engine, param(call, 'id')));
}

/** Null where there are none, as Docker has it. */
export async function getChanges(call: Call): Promise<ContainerChange[] | null> {
  const changes = await containerChanges(call.engine, param(call, 'id'));
  if (changes.length === 0) return null;
  return changes.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] }));
}
